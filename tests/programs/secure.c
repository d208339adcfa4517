/* secure PATH: says whether it runs with another user's rights, where the linker takes no library from its
   environment; then a child loads the path. */
#include <sys/auxv.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	printf("secure %lu\n", getauxval(AT_SECURE));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(load(argv[1]));
	return reap(pid);
}
