/* through_library PATH LIBRARY...: for each library a child opens it, lets it load the path, closes
   it and loads the path once more, itself. Prints how each child ended. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "steps.h"

static int through(const char *path, const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);
	int (*function)(const char *) = handle ? (int (*)(const char *))dlsym(handle, "load_through_frames") : NULL;

	if (!function || function(path) || dlclose(handle))
		return 99;
	return load(path);
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(through(argv[1], argv[i]));
		printf("%d ", reap(pid));
	}
	printf("\n");
	return 0;
}
