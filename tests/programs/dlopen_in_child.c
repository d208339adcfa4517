/* dlopen_in_child HOW NAME [AFTER]: a child calls dlopen and prints what came of it, with dlerror's
   words; then it loads AFTER, an ordinary file of code.
   HOW: now, lazy, noload, null (NAME is ignored), preloaded (the parent has it already). */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "steps.h"

int main(int argc, char **argv)
{
	const char *name, *how;
	int flags = RTLD_NOW;
	pid_t pid;

	if (argc < 3)
		return 2;
	half_way();
	how = argv[1];
	name = strcmp(how, "null") ? argv[2] : NULL;
	if (!strcmp(how, "lazy"))
		flags = RTLD_LAZY;
	if (!strcmp(how, "noload"))
		flags = RTLD_NOW | RTLD_NOLOAD;
	if (!strcmp(how, "preloaded") && !dlopen(name, RTLD_NOW))
		return 3;
	pid = fork();
	if (pid == 0) {
		void *handle = dlopen(name, flags);
		const char *words = dlerror();

		printf("%s: %s\n", handle ? "well" : "failed", words ? words : "no words");
		fflush(stdout);
		_exit(argc > 3 ? load(argv[3]) : 0);
	}
	return reap(pid);
}
