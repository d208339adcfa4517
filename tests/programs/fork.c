/* fork PATH...: a forked child loads each path. */
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 1; i < argc; i++) {
			int failed = load(argv[i]);

			if (failed)
				_exit(failed);
		}
		_exit(0);
	}
	return reap(pid);
}
