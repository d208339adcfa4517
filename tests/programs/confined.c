/* confined FOLDER NAME: a child makes FOLDER its root, gives up its user and its groups, and then
   loads NAME. Needs root. */
#define _GNU_SOURCE
#include <grp.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		if (chroot(argv[1]) || chdir("/"))
			_exit(126);
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(125);
		_exit(load(argv[2]));
	}
	return reap(pid);
}
