/* cancel_pending PATH ABSENT LIBRARY: in a child a thread that has been cancelled already makes the calls that are
   no cancellation points, with code and without, and says after which call it was still there. Then it makes one
   that is, open, and is gone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>

#include "steps.h"

static char **words;

static void cleanup(void *unused)
{
	(void)unused;
	puts("cleanup");
}

static void *makes_calls(void *unused)
{
	struct stat about;
	struct statx aboutx;
	void *handle;

	pthread_cleanup_push(cleanup, NULL);
	pthread_cancel(pthread_self());
	printf("stat %d %d\n", stat(words[0], &about), stat(words[1], &about));
	printf("lstat %d, fstatat %d\n", lstat(words[1], &about), fstatat(AT_FDCWD, words[1], &about, 0));
	printf("access %d, faccessat %d\n", access(words[1], R_OK), faccessat(AT_FDCWD, words[0], R_OK, 0));
	printf("statx %d\n", statx(AT_FDCWD, words[1], 0, STATX_BASIC_STATS, &aboutx));
	handle = dlopen(words[2], RTLD_NOW);
	printf("dlopen %d\n", handle != NULL);
	printf("dlclose %d\n", dlclose(handle));
	printf("dlopen of nothing %d\n", dlopen(words[1], RTLD_NOW) != NULL);
	close(open(words[0], O_RDONLY));
	printf("open\n");
	pthread_cleanup_pop(0);
	return unused;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 4)
		return 2;
	words = argv + 1;
	pid = fork();
	if (pid == 0) {
		pthread_t thread;
		void *result;

		if (load(words[0]) || pthread_create(&thread, NULL, makes_calls, NULL) || pthread_join(thread, &result))
			_exit(3);
		printf("%s, then %d\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", load(words[0]));
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
