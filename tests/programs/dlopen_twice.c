/* dlopen_twice LIBRARY: a child opens a library, opens it again while it is there, closes it for
   good, and opens it once more. */
#include <dlfcn.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		void *first = dlopen(argv[1], RTLD_NOW), *second = dlopen(argv[1], RTLD_NOW);

		if (!first || first != second)
			_exit(3);
		if (dlclose(first) || dlclose(second))
			_exit(4);
		if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD))
			_exit(5);
		_exit(dlopen(argv[1], RTLD_NOW) ? 0 : 6);
	}
	return reap(pid);
}
