/* exec_after_fork PATH: a forked child executes this program anew, which then loads the path, and
   forks a child that does nothing: a tree of its own is heard of when it forks. */
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc == 3) {
		if (load(argv[2]))
			return 3;
		pid = fork();
		if (pid == 0)
			_exit(0);
		return reap(pid);
	}
	if (argc != 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "executed", "anew", argv[1], NULL);
		_exit(127);
	}
	return reap(pid);
}
