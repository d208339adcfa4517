/* all_closed PATH LIBRARY: a child that has closed every descriptor from 0 to 1023 one by one, standard output
   included, opens, looks for and loads things; the numbers it got and what is open at the end go to a copy
   of standard output that it keeps at 1500. */
#include <dlfcn.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		void *library;
		FILE *stream;

		half_way();
		if (dup2(1, 1500) != 1500)
			_exit(3);
		for (int fd = 0; fd < 1024; fd++)
			close(fd);
		for (int i = 0; i < 4; i++)
			dprintf(1500, "descriptor %d\n", open(argv[1], O_RDONLY));
		close(1);
		stream = fopen(argv[1], "r");
		dprintf(1500, "stream %d\n", stream ? fileno(stream) : -1);
		library = dlopen(argv[2], RTLD_NOW);
		dprintf(1500, "library %s, descriptor behind it %d\n", library ? "well" : dlerror(), dup(0));
		for (int fd = 0; fd < 2048; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				dprintf(1500, "open %d\n", fd);
		_exit(0);
	}
	return reap(pid);
}
