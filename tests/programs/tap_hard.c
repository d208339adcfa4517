/* tap_hard FOLDER: taps where the header for C has it hard. */
#include "../../clients/c/alive_tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static __attribute__((noinline)) void spent(void)
{
	ALIVE_TAP("no.descriptor");
}

static void handler(int signal)
{
	(void)signal;
	ALIVE_TAP("handler");
}

static void *thread(void *nothing)
{
	ALIVE_TAP("thread");
	return nothing;
}

int main(int argc, char **argv)
{
	static char small[16384];
	stack_t stack = { .ss_sp = small, .ss_size = sizeof small };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	struct rlimit limit = { 64, 64 };
	pthread_t other[4];
	int last = -1, taken;

	if (argc != 2)
		return 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	while ((taken = open("/dev/null", O_RDONLY)) >= 0)
		last = taken;
	spent();
	close(last);
	spent();
	spent();
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	for (int i = 0; i < 4; i++)
		pthread_create(&other[i], NULL, thread, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(other[i], NULL);
	/* What it was told at the first tap holds. */
	clearenv();
	if (chroot(argv[1]) != 0 || chdir("/") != 0)
		return 3;
	ALIVE_TAP("jail");
	printf("done\n");
	return 0;
}
