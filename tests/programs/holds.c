/* holds CHILDREN KIB LOADERS LIBRARY [USER]: forks CHILDREN; each writes to KIB of memory that its parent had
   mapped, the first LOADERS of them load LIBRARY, and each becomes USER. Prints `child PID` for each and then
   `ready`, and ends them and itself at SIGTERM. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>

#include "steps.h"

static void child(char *memory, size_t size, const char *library, const char *user, int ready)
{
	memset(memory, 1, size);
	if (library && !dlopen(library, RTLD_NOW))
		_exit(4);
	if (user && setuid(atoi(user)))
		_exit(5);
	if (write(ready, "", 1) != 1)
		_exit(6);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int count, loaders, ready[2], signal_number, status = 0;
	const char *user;
	sigset_t ends, before;
	pid_t pids[64];
	size_t size;
	char *memory, byte;

	if (argc < 5)
		return 2;
	count = atoi(argv[1]);
	size = strtoul(argv[2], NULL, 10) * 1024;
	loaders = atoi(argv[3]);
	user = argc > 5 ? argv[5] : NULL;
	memory = malloc(size);
	if (count > 64 || !memory || pipe(ready))
		return 2;
	memset(memory, 2, size);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, &before);
	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return 3;
		if (pids[i] == 0) {
			sigprocmask(SIG_SETMASK, &before, NULL);
			child(memory, size, i < loaders ? argv[4] : NULL, user, ready[1]);
		}
		printf("child %d\n", pids[i]);
	}
	close(ready[1]);
	for (int i = 0; i < count; i++)
		if (read(ready[0], &byte, 1) != 1)
			return 7;
	printf("ready\n");
	fflush(stdout);
	sigwait(&ends, &signal_number);
	for (int i = 0; i < count; i++) {
		kill(pids[i], SIGTERM);
		if (reap(pids[i]) != 128 + SIGTERM)
			status = 8;
	}
	return status;
}
