/* few_descriptors PATH LIBRARY: a child that may open no descriptor, then one, then as many as before, opens
   the path and the library each time and prints what came of it. */
#include <dlfcn.h>
#include <sys/resource.h>

#include "steps.h"

static void attempt(const char *when, const char *path, const char *library)
{
	void *handle;
	FILE *stream;
	int fd;

	errno = 4711;
	fd = open(path, O_RDONLY);
	printf("%s: descriptor %d, errno %d\n", when, fd, errno);
	if (fd >= 0)
		close(fd);
	errno = 4711;
	stream = fopen(path, "r");
	printf("%s: stream %d, errno %d\n", when, stream ? fileno(stream) : -1, errno);
	if (stream)
		fclose(stream);
	handle = dlopen(library, RTLD_NOW);
	printf("%s: library %s\n", when, handle ? "well" : dlerror());
	if (handle)
		dlclose(handle);
}

static void limit(rlim_t descriptors)
{
	struct rlimit limit = { descriptors, 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		_exit(3);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		half_way();
		limit(0);
		attempt("none", argv[1], argv[2]);
		limit(4);
		/* Whatever was inherited beyond the three would take the one place. */
		while (dup(0) >= 0)
			;
		close(3);
		attempt("one", argv[1], argv[2]);
		limit(64);
		attempt("many", argv[1], argv[2]);
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
