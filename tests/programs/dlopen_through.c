/* dlopen_through CALLER NAME AFTER: the library CALLER is opened before the fork; in the child it
   opens NAME in its own name, so that its RUNPATH and $ORIGIN count; then the child loads AFTER. */
#include <dlfcn.h>

#include "steps.h"

int main(int argc, char **argv)
{
	const char *(*open_in_my_name)(const char *);
	void *caller;
	pid_t pid;

	if (argc != 4)
		return 2;
	caller = dlopen(argv[1], RTLD_NOW);
	if (!caller) {
		puts(dlerror());
		return 3;
	}
	*(void **)&open_in_my_name = dlsym(caller, "open_in_my_name");
	pid = fork();
	if (pid == 0) {
		puts(open_in_my_name(argv[2]));
		fflush(stdout);
		_exit(load(argv[3]));
	}
	return reap(pid);
}
