/* nested_forks DEPTH PATH: a chain of forks; the last process of it loads the path. */
#include "steps.h"

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	for (int left = atoi(argv[1]); left > 0; left--) {
		pid_t pid = fork();

		if (pid != 0)
			return reap(pid);
	}
	return load(argv[2]);
}
