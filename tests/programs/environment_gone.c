/* environment_gone PATH: overwrites every byte of its environment, as daemons do to write their
   process title there, forks, and the child loads the path. */
#include "steps.h"

extern char **environ;

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	for (char **variable = environ; *variable; variable++)
		memset(*variable, 'x', strlen(*variable));
	environ[0] = NULL;
	pid = fork();
	if (pid == 0)
		_exit(load(argv[1]));
	return reap(pid);
}
