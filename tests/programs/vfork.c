/* vfork PATH LATER: a vfork child, which borrows its parent's memory, opens the path; then the
   parent opens it; then a real child loads LATER. */
#define _GNU_SOURCE
#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	half_way();
	pid = vfork();
	if (pid == 0) {
		int fd = open(argv[1], O_RDONLY);

		_exit(fd < 0);
	}
	if (reap(pid))
		return 3;
	if (load(argv[1]))
		return 4;
	pid = fork();
	if (pid == 0)
		_exit(load(argv[2]));
	return reap(pid);
}
