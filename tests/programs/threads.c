/* threads COUNT TIMES PATH LIBRARY: in a child, COUNT threads at once each load the path TIMES times,
   while one more opens and closes the library over and over. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "steps.h"

enum { MOST = 64 };

static const char *path, *library;
static int times;
static atomic_int failed, done;

static void *loader(void *unused)
{
	for (int left = times; left > 0; left--)
		if (load(path))
			failed = 1;
	return unused;
}

static void *opener(void *unused)
{
	while (!done) {
		void *handle = dlopen(library, RTLD_NOW);

		if (!handle || dlclose(handle))
			failed = 1;
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST], other;
	pid_t pid;
	int count;

	if (argc != 5)
		return 2;
	count = atoi(argv[1]);
	times = atoi(argv[2]);
	path = argv[3];
	library = argv[4];
	if (count > MOST)
		return 2;
	pid = fork();
	if (pid == 0) {
		if (pthread_create(&other, NULL, opener, NULL))
			_exit(3);
		for (int i = 0; i < count; i++)
			if (pthread_create(&threads[i], NULL, loader, NULL))
				_exit(3);
		for (int i = 0; i < count; i++)
			pthread_join(threads[i], NULL);
		done = 1;
		pthread_join(other, NULL);
		_exit(failed);
	}
	return reap(pid);
}
