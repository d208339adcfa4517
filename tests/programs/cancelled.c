/* cancelled FUNCTION FIFO: in a child a thread is cancelled while it waits inside open, openat or fopen for
   somebody to write to the FIFO. Its cleanup handlers run; then the child opens the FIFO itself, with a writer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>

#include "steps.h"

static const char *function, *fifo;
static volatile pid_t thread_id;

static void cleanup(void *word)
{
	printf("cleanup of %s\n", (const char *)word);
}

static void *waits(void *unused)
{
	pthread_cleanup_push(cleanup, "the outer block");
	pthread_cleanup_push(cleanup, "the inner block");
	thread_id = (pid_t)syscall(SYS_gettid);
	if (!strcmp(function, "open"))
		open(fifo, O_RDONLY);
	else if (!strcmp(function, "openat"))
		openat(AT_FDCWD, fifo, O_RDONLY);
	else
		fopen(fifo, "r");
	printf("opened\n");
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return unused;
}

/* Waits until the thread is inside the system call. */
static void await_open(void)
{
	struct timespec pause = { 0, 1000000 };
	char path[64], line[32];

	while (!thread_id)
		nanosleep(&pause, NULL);
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)thread_id);
	for (;;) {
		FILE *file = fopen(path, "r");
		int inside = file && fgets(line, sizeof line, file) && atoi(line) == SYS_openat;

		if (file)
			fclose(file);
		if (inside)
			return;
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	function = argv[1];
	fifo = argv[2];
	half_way();
	pid = fork();
	if (pid == 0) {
		pthread_t thread;
		void *result;
		int writer;

		if (pthread_create(&thread, NULL, waits, NULL))
			_exit(3);
		await_open();
		if (pthread_cancel(thread) || pthread_join(thread, &result))
			_exit(4);
		printf("%s\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
		writer = open(fifo, O_RDWR);
		printf("then %s\n", writer >= 0 && load(fifo) == 0 ? "well" : "failed");
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
