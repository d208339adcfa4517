/* unloads ROUNDS LIBRARY CODE [LIBRARY CODE]...: in a child a thread for each pair opens its library, has it load
   its code, and closes the library, ROUNDS times, while the others do the same with theirs: where one library
   was, another one comes. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "steps.h"

enum { MOST = 8 };

static int rounds;
static atomic_int failed;

static void *use_and_unload(void *pair)
{
	char **words = pair;

	for (int round = 0; round < rounds; round++) {
		int (*call_back)(int (*)(const char *), const char *);
		void *handle = dlopen(words[0], RTLD_NOW);

		if (!handle) {
			failed = 1;
			continue;
		}
		*(void **)&call_back = dlsym(handle, "call_back");
		if (!call_back || call_back(load, words[1]))
			failed = 2;
		if (dlclose(handle))
			failed = 3;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int count = (argc - 2) / 2;
	pid_t pid;

	if (argc < 4 || argc % 2 || count > MOST)
		return 2;
	rounds = atoi(argv[1]);
	half_way();
	pid = fork();
	if (pid == 0) {
		pthread_t threads[MOST];

		for (int i = 0; i < count; i++)
			if (pthread_create(&threads[i], NULL, use_and_unload, argv + 2 + 2 * i))
				_exit(3);
		for (int i = 0; i < count; i++)
			pthread_join(threads[i], NULL);
		printf("%d rounds each, failed %d\n", rounds, failed);
		fflush(stdout);
		_exit(failed);
	}
	return reap(pid);
}
