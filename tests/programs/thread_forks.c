/* thread_forks PATH: a thread that is not the main one forks, and the child loads the path. */
#include <pthread.h>

#include "steps.h"

static int status;

static void *forker(void *path)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(load(path));
	status = reap(pid);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 2 || pthread_create(&thread, NULL, forker, argv[1]))
		return 2;
	pthread_join(thread, NULL);
	return status;
}
