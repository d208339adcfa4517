/* A library whose constructor says that it began, and then sits in dlopen for a while. */
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	struct timespec while_forking = { 0, 600000000 };

	if (write(101, "b", 1) == 1)
		nanosleep(&while_forking, NULL);
}
