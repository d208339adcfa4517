/* bare_fork PATH: a child of _Fork, which runs no pthread_atfork handler, loads the path. */
#define _GNU_SOURCE
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? _Fork() : -1;

	if (pid == 0)
		_exit(load(argv[1]));
	return reap(pid);
}
