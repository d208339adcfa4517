/* workers COUNT TIMES PATH...: COUNT children, all alive at once, each load every path TIMES times. */
#include "steps.h"

int main(int argc, char **argv)
{
	int count, times, status = 0;

	if (argc < 4)
		return 2;
	count = atoi(argv[1]);
	times = atoi(argv[2]);
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 3;
		if (pid == 0) {
			for (int round = 0; round < times; round++)
				for (int j = 3; j < argc; j++)
					if (load(argv[j]))
						_exit(4);
			_exit(0);
		}
	}
	for (int i = 0; i < count; i++) {
		int ended;

		if (wait(&ended) < 0 || ended)
			status = 5;
	}
	return status;
}
