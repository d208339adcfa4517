/* own_open PATH: a program that has an open of its own, and calls the one behind it, which it looks up by
   RTLD_NEXT, and the one that everybody finds, by RTLD_DEFAULT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>

#include "steps.h"

typedef int opens(const char *path, int flags, ...);

static int calls;

/* In front of everybody's, the shim's too. */
int open(const char *path, int flags, ...)
{
	opens *next;
	va_list rest;
	mode_t mode;
	int fd;

	va_start(rest, flags);
	mode = va_arg(rest, mode_t);
	va_end(rest);
	calls++;
	*(void **)&next = dlsym(RTLD_NEXT, "open");
	fd = next(path, flags, mode);
	return fd;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		opens *everybodys;
		int before = calls;

		printf("load %d\n", load(argv[1]));
		*(void **)&everybodys = dlsym(RTLD_DEFAULT, "open");
		printf("mine is everybody's: %d\n", everybodys == open);
		close(everybodys(argv[1], O_RDONLY));
		printf("calls of mine: %d\n", calls - before);
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
