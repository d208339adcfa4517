/* jumps_out PATH ABSENT LIBRARY ROUNDS: in a child a timer's handler jumps with siglongjmp out of whatever it
   interrupted, which is most often an open or a stat of code, ROUNDS times. Afterwards everything must still
   work, and the child says how. */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "steps.h"

static sigjmp_buf out;
static volatile sig_atomic_t inside;

static void handler(int number)
{
	(void)number;
	if (inside)
		siglongjmp(out, 1);
}

int main(int argc, char **argv)
{
	struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = handler };
	volatile int jumps = 0;
	pid_t pid;

	if (argc != 5)
		return 2;
	pid = fork();
	if (pid == 0) {
		void *handle;

		if (load(argv[1]))
			_exit(3);
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		while (jumps < atoi(argv[4])) {
			if (sigsetjmp(out, 1)) {
				jumps++;
				/* What was open when the signal came is nobody's now. */
				if (jumps % 64 == 0)
					for (int fd = 3; fd < 256; fd++)
						close(fd);
				continue;
			}
			inside = 1;
			for (int i = 0; i < 1000; i++) {
				struct stat about;

				close(open(argv[1], O_RDONLY));
				stat(argv[2], &about);
			}
			inside = 0;
		}
		inside = 0;
		setitimer(ITIMER_REAL, &never, NULL);
		printf("jumped\n");
		handle = dlopen(argv[3], RTLD_NOW);
		printf("library %s, absent %d, ", handle ? "well" : dlerror(), load(argv[2]));
		printf("code %d\n", load(argv[1]));
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
