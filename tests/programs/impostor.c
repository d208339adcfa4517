/* impostor LIBRARY MODE PATH...: opens LIBRARY, which exports what an interpreter would, and tells it
   which one to be; then a child lets it open each PATH, as code that it asks for, and says "well". */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "steps.h"

int main(int argc, char **argv)
{
	void *library;
	int (*become)(const char *mode);
	int (*ask_for)(const char *path);
	pid_t pid;

	if (argc < 4)
		return 2;
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
	*(void **)&become = dlsym(library, "become");
	*(void **)&ask_for = dlsym(library, "ask_for");
	if (!become || !ask_for || become(argv[2]))
		return 4;
	pid = fork();
	if (pid == 0) {
		for (int number = 3; number < argc; number++) {
			int failed = ask_for(argv[number]);

			if (failed)
				_exit(failed);
		}
		dprintf(1, "well\n");
		_exit(0);
	}
	return reap(pid);
}
