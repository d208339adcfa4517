/* A library whose constructor throws: by THROWS in the environment, it catches that itself or does not. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdexcept>

static void may_throw()
{
	close(open(getenv("CODE"), O_RDONLY));
	throw std::runtime_error("from the constructor");
}

__attribute__((constructor)) static void begin()
{
	const char *how = getenv("THROWS");

	if (how && !strcmp(how, "comparator"))
		return;
	if (how && !strcmp(how, "escapes"))
		may_throw();
	try {
		may_throw();
	} catch (const std::exception &error) {
		printf("caught inside: %s\n", error.what());
		fflush(stdout);
	}
}
