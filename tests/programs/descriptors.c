/* descriptors PATH: a child closes 0 to 2, so that any descriptor somebody else left open or took
   would show in the numbers it gets. They are printed through a copy of stdout kept at 100. */
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		int numbers[6];

		if (dup2(1, 100) != 100)
			_exit(3);
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		for (int i = 0; i < 6; i++) {
			numbers[i] = open(argv[1], O_RDONLY);
			if (i == 2)
				close(numbers[1]);
		}
		for (int i = 0; i < 6; i++)
			dprintf(100, "%d\n", numbers[i]);
		for (int fd = 0; fd < 64; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				dprintf(100, "open %d\n", fd);
		_exit(0);
	}
	return reap(pid);
}
