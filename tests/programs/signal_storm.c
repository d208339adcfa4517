/* signal_storm PATH COUNT: in a forked child a timer's handler loads the path while the program
   itself loads it COUNT times; errno and every result must stay right. */
#include <signal.h>
#include <sys/time.h>

#include "steps.h"

static const char *path;
static volatile sig_atomic_t wrong;

static void handler(int signal)
{
	int kept = errno;

	(void)signal;
	if (load(path))
		wrong = 1;
	errno = kept;
}

int main(int argc, char **argv)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action;
	pid_t pid;

	if (argc != 3)
		return 2;
	path = argv[1];
	pid = fork();
	if (pid == 0) {
		memset(&action, 0, sizeof action);
		action.sa_handler = handler;
		action.sa_flags = SA_RESTART;
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		for (int left = atoi(argv[2]); left > 0; left--) {
			errno = 77;
			if (load(path) || errno != 77)
				wrong = 1;
		}
		setitimer(ITIMER_REAL, &never, NULL);
		_exit(wrong);
	}
	return reap(pid);
}
