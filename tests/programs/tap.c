/* tap once|fork|odd|errno: hits taps through the header for C. C++ reads it as well. */
#include "../../clients/c/alive_tap.h"

#include <stdio.h>
#include <sys/wait.h>

static __attribute__((noinline)) void total(void)
{
	ALIVE_TAP("checkout.legacy"); /* the tap */
}

static __attribute__((noinline)) void every_time(void)
{
	ALIVE_TAP_EACH("every.time");
}

__attribute__((noinline)) void checkout(void);
void checkout(void)
{
	total(); /* the call */
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	static char longest[60001];
	int status = 0;
	pid_t pid;

	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "once") == 0) {
		for (int i = 0; i < 3; i++) {
			checkout();
			every_time();
		}
	} else if (strcmp(argv[1], "fork") == 0) {
		checkout();
		pid = fork();
		if (pid == 0) {
			checkout();
			_exit(0);
		}
		waitpid(pid, &status, 0);
	} else if (strcmp(argv[1], "odd") == 0) {
		memset(longest, 'n', sizeof longest - 1);
		ALIVE_TAP("odd \t\n\033[31m\377%=");
		ALIVE_TAP(longest);
		ALIVE_TAP("");
		ALIVE_TAP((const char *)0);
	} else if (strcmp(argv[1], "errno") == 0) {
		errno = ENOTTY;
		checkout();
		every_time();
		status = errno != ENOTTY;
	}
	printf("done\n");
	return status;
}
