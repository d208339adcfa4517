/* search_threads COUNT FOLDERS ROOT: in a child, COUNT threads at once; the n-th looks for `Part<n>.pm`
   in FOLDERS folders below ROOT, whose names are all the same for all threads. */
#include <pthread.h>
#include <sys/stat.h>

#include "steps.h"

enum { MOST = 6 };

static const char *root;
static int folders;
static pthread_barrier_t together;

static void *search(void *number)
{
	struct stat about;
	char path[4096];

	for (int i = 0; i < folders; i++) {
		snprintf(path, sizeof path, "%s/%d/Acme/Part%d.pm", root, i, *(int *)number);
		pthread_barrier_wait(&together);
		if (!stat(path, &about))
			_exit(3);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	int numbers[MOST], count;
	pid_t pid;

	if (argc != 4)
		return 2;
	half_way();
	count = atoi(argv[1]);
	folders = atoi(argv[2]);
	root = argv[3];
	if (count < 1 || count > MOST)
		return 2;
	pid = fork();
	if (pid == 0) {
		pthread_barrier_init(&together, NULL, (unsigned int)count);
		for (int i = 0; i < count; i++) {
			numbers[i] = i;
			if (pthread_create(&threads[i], NULL, search, &numbers[i]))
				_exit(4);
		}
		for (int i = 0; i < count; i++)
			pthread_join(threads[i], NULL);
		exit(0);
	}
	return reap(pid);
}
