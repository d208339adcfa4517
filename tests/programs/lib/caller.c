/* A library that opens another one in its own name. */
#include <dlfcn.h>

const char *open_in_my_name(const char *name);

const char *open_in_my_name(const char *name)
{
	/* The call must not be this function's last one: a tail call would make main its caller. */
	void *volatile handle = dlopen(name, RTLD_NOW);

	return handle ? "well" : dlerror();
}
