/* close_range PATH: a child that closes every descriptor from 3 on, as daemons do, loads the path
   and prints the descriptor it got. */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		int fd;

		if (syscall(SYS_close_range, 3U, ~0U, 0U))
			_exit(3);
		fd = open(argv[1], O_RDONLY);
		dprintf(1, "descriptor %d\n", fd);
		_exit(fd < 0);
	}
	return reap(pid);
}
