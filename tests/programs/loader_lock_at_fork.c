/* loader_lock_at_fork SLOW PATH: a thread holds the loader's lock (it runs SLOW's constructor) at
   the moment of the fork, and does not exist in the child. The child loads the path all the same. */
#include <dlfcn.h>
#include <pthread.h>

#include "steps.h"

static void *opener(void *library)
{
	return dlopen(library, RTLD_NOW);
}

int main(int argc, char **argv)
{
	int begun[2], status;
	pthread_t thread;
	char byte;
	pid_t pid;

	if (argc != 3 || pipe(begun) || dup2(begun[1], 101) != 101)
		return 2;
	half_way();
	if (pthread_create(&thread, NULL, opener, argv[1]) || read(begun[0], &byte, 1) != 1)
		return 3;
	pid = fork();
	if (pid == 0) {
		alarm(5);
		_exit(load(argv[2]));
	}
	status = reap(pid);
	pthread_join(thread, NULL);
	return status;
}
