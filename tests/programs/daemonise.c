/* daemonise HOW PATH EARLY LATE: a program goes into the background in one of the ways that daemons
   know, loads EARLY there, forks two workers that load LATE one after the other, and writes its pid
   to PATH when all is done. HOW:
     once      fork and setsid, the parent leaves at once: daemon() without its closing of descriptors
     twice     fork, setsid, fork: the middle leaves, too
     ready     the parent waits at a pipe until its daemon has loaded EARLY, then leaves
     helper    as `once`, after a helper was forked elsewhere and ended
     forks     as `once`, but the daemon forks its workers before it loads anything itself
     stay      the parent stays and waits: its child is a worker, also in a session of its own */
#include <time.h>

#include "steps.h"

static void pause_milliseconds(long milliseconds)
{
	struct timespec pause = { 0, milliseconds * 1000000 };

	nanosleep(&pause, NULL);
}

/* Waits until the process that forked this one is gone. */
static void orphaned(pid_t parent)
{
	while (getppid() == parent)
		pause_milliseconds(1);
}

/* Not inlined: a loop that the compiler unrolls would fork from two places. */
static int __attribute__((noinline)) worker(const char *late)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(load(late));
	return reap(pid);
}

static void done(const char *path, int failed)
{
	char partial[4096];
	FILE *file;

	snprintf(partial, sizeof partial, "%s.partial", path);
	file = fopen(partial, "w");
	if (!file)
		_exit(5);
	fprintf(file, "%d %d\n", (int)getpid(), failed);
	fclose(file);
	rename(partial, path);
}

/* Forks; the child goes on in a session of its own when its parent is gone. */
static void background(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		_exit(pid < 0);
	setsid();
	orphaned(parent);
}

static void __attribute__((noinline)) helper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	reap(pid);
}

int main(int argc, char **argv)
{
	const char *how, *path, *early, *late;
	int failed = 0;

	if (argc != 5)
		return 2;
	how = argv[1];
	path = argv[2];
	early = argv[3];
	late = argv[4];
	if (!strcmp(how, "ready")) {
		int ready[2];
		pid_t parent = getpid(), pid;
		char byte;

		if (pipe(ready))
			return 3;
		pid = fork();
		if (pid) {
			close(ready[1]);
			return read(ready[0], &byte, 1) == 1 ? 0 : 4;
		}
		setsid();
		failed |= load(early);
		if (write(ready[1], "r", 1) != 1)
			_exit(6);
		orphaned(parent);
		/* The second load finds out that this is the daemon. */
		failed |= load(early);
	} else if (!strcmp(how, "stay")) {
		pid_t pid = fork();

		if (pid)
			return reap(pid);
		setsid();
		failed |= load(early);
	} else {
		if (!strcmp(how, "helper"))
			helper();
		background();
		if (!strcmp(how, "twice")) {
			pid_t parent = getpid(), pid = fork();

			if (pid)
				_exit(pid < 0);
			orphaned(parent);
		}
		if (strcmp(how, "forks"))
			failed |= load(early);
	}
	failed |= worker(late);
	failed |= worker(late);
	if (!strcmp(how, "forks"))
		failed |= load(early);
	done(path, failed);
	return failed;
}
