/* no_wait PATH: a program that has SIGCHLD ignored, so that its children leave no status; what waiting for them
   says, and whether any child is left that it did not make. */
#include <signal.h>

#include "steps.h"

int main(int argc, char **argv)
{
	int status = 4711;
	pid_t pid;

	if (argc != 2)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	half_way();
	pid = fork();
	if (pid == 0) {
		pid_t below = fork();

		if (below == 0)
			_exit(load(argv[1]));
		_exit(load(argv[1]) || waitpid(below, &status, 0) != -1 || errno != ECHILD);
	}
	errno = 0;
	pid = waitpid(pid, &status, 0);
	printf("waited: %d, status %d, errno %d\n", (int)pid, status, errno);
	errno = 0;
	pid = waitpid(-1, &status, WNOHANG | __WALL);
	printf("others: %d, errno %d\n", (int)pid, errno);
	return 0;
}
