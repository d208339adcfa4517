/* errno PATH ABSENT: what a child sees in errno after a load, and after one that fails. */
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		const char *volatile nowhere = NULL;
		FILE *stream;
		int fd;

		errno = 4711;
		fd = open(argv[1], O_RDONLY);
		printf("open: %s, errno %d\n", fd < 0 ? "failed" : "well", errno);
		close(fd);
		errno = 4711;
		fd = open(argv[2], O_RDONLY);
		printf("open: %s, errno %d\n", fd < 0 ? "failed" : "well", errno);
		errno = 4711;
		fd = open(nowhere, O_RDONLY);
		printf("open of a bad address: %s, errno %d\n", fd < 0 ? "failed" : "well", errno);
		errno = 4711;
		stream = fopen(argv[2], "r");
		printf("fopen: %s, errno %d\n", stream ? "well" : "failed", errno);
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
