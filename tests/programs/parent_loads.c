/* parent_loads PATH: the parent loads the path before and after it forks a child that loads nothing. */
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2 || load(argv[1]))
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (load(argv[1]))
		return 3;
	return reap(pid);
}
