/* throws HOW LIBRARY PATH: in a child an exception is thrown near the shim. HOW:
     inside      LIBRARY's constructor throws and catches, and loads PATH in between
     comparator  a comparator that qsort calls opens LIBRARY and PATH and throws through qsort
     handler     as `inside`, and its caller throws on while it handles
     escapes     LIBRARY's constructor lets the exception go: nobody can catch it behind dlopen */
#include <dlfcn.h>
#include <sys/resource.h>

#include <stdexcept>
#include <string>

#include "steps.h"

static const char *library, *path;

static int compare(const void *, const void *)
{
	void *handle = dlopen(library, RTLD_NOW);

	if (!handle || load(path))
		return 0;
	throw std::runtime_error("from the comparator");
}

static void use(const std::string &how)
{
	if (how == "comparator") {
		int numbers[] = {3, 1, 2};

		qsort(numbers, 3, sizeof *numbers, compare);
		return;
	}
	if (!dlopen(library, RTLD_NOW))
		printf("%s\n", dlerror());
	if (how == "handler") {
		try {
			throw std::runtime_error("from its caller");
		} catch (const std::exception &) {
			load(path);
			throw;
		}
	}
}

int main(int argc, char **argv)
{
	struct rlimit no_core = {0, 0};

	if (argc != 4)
		return 2;
	library = argv[2];
	path = argv[3];
	setrlimit(RLIMIT_CORE, &no_core);
	half_way();
	setenv("THROWS", argv[1], 1);
	setenv("CODE", path, 1);
	pid_t pid = fork();
	if (pid == 0) {
		try {
			use(argv[1]);
			printf("nothing came out\n");
		} catch (const std::exception &error) {
			printf("caught: %s\n", error.what());
		}
		printf("load %d\n", load(path));
		fflush(stdout);
		_exit(0);
	}
	printf("status %d\n", reap(pid));
	return 0;
}
