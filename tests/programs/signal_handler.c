/* signal_handler PATH: in a forked child a signal handler loads the path. */
#include <signal.h>

#include "steps.h"

static const char *path;
static volatile sig_atomic_t failed = -1;

static void handler(int signal)
{
	(void)signal;
	failed = load(path);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	path = argv[1];
	signal(SIGUSR1, handler);
	pid = fork();
	if (pid == 0) {
		errno = 77;
		raise(SIGUSR1);
		_exit(failed ? failed : errno == 77 ? 0 : 3);
	}
	return reap(pid);
}
