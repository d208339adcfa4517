/* bystanders WHAT PATH: something stands by, then a child is forked that loads PATH.
   WHAT: none; threads, three of them, two of one name; sockets, one connected pair, one for datagrams and
   one that listens; descriptors, 200 of them, a third sockets; many, more sockets than are looked at; streams, a
   socket as standard input; repeat, which forks four times and has two threads the second time only; root, whose
   root directory is the working directory, where there is no /proc. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "steps.h"

static sem_t end;

static void *stand_by(void *nothing)
{
	(void)nothing;
	while (sem_wait(&end))
		;
	return NULL;
}

static void start(pthread_t *thread, char *name)
{
	if (pthread_create(thread, NULL, stand_by, NULL) || pthread_setname_np(*thread, name))
		exit(3);
}

/* A thread that was joined may still be listed for a moment. */
static void wait_until_alone(void)
{
	struct timespec pause = { 0, 1000000 };
	struct stat tasks;

	while (!stat("/proc/self/task", &tasks) && tasks.st_nlink > 3)
		nanosleep(&pause, NULL);
}

static void stop(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		sem_post(&end);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	wait_until_alone();
}

static int a_socket(int kind)
{
	int fd = socket(AF_INET, kind, 0);

	if (fd < 0)
		exit(4);
	return fd;
}

static int fork_and_load(const char *path)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(load(path));
	return reap(pid);
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	int pair[2], failed = 0;
	const char *what;

	if (argc != 3 || sem_init(&end, 0, 0))
		return 2;
	what = argv[1];
	if (!strcmp(what, "threads")) {
		start(&threads[0], "timer");
		start(&threads[1], "io");
		start(&threads[2], "io");
		failed = fork_and_load(argv[2]);
		stop(threads, 3);
		return failed;
	}
	if (!strcmp(what, "repeat")) {
		failed = fork_and_load(argv[2]);
		start(&threads[0], "one");
		start(&threads[1], "two");
		failed |= fork_and_load(argv[2]);
		stop(threads, 2);
		return failed | fork_and_load(argv[2]) | fork_and_load(argv[2]);
	}
	if (!strcmp(what, "sockets")) {
		int listening = a_socket(SOCK_STREAM);

		if (listen(listening, 1) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return 5;
		a_socket(SOCK_DGRAM);
	} else if (!strcmp(what, "descriptors")) {
		for (int i = 0; i < 200; i++)
			if (i % 3 == 0)
				a_socket(SOCK_DGRAM);
			else if (open("/dev/null", O_RDONLY) < 0)
				return 6;
	} else if (!strcmp(what, "many")) {
		struct rlimit limit = { 2048, 2048 };

		if (setrlimit(RLIMIT_NOFILE, &limit))
			return 7;
		for (int i = 0; i < 1100; i++)
			a_socket(SOCK_DGRAM);
	} else if (!strcmp(what, "streams")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || dup2(pair[0], 0) < 0)
			return 8;
		close(pair[0]);
		close(pair[1]);
	} else if (!strcmp(what, "root")) {
		half_way();
		if (chroot("."))
			return 9;
	}
	return fork_and_load(argv[2]);
}
