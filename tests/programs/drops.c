/* drops HOW FOLDER NAME LIBRARY: a child gives something up and then opens NAME and opens LIBRARY, both named from
   where it stands then. HOW:
     user      user and groups, for good, by setresuid
     root      the root directory: FOLDER is it, and there is no /proc in it
     both      the one and then the other
     network   the network: a namespace of its own, where not even the loopback is up
   Needs root. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <grp.h>
#include <sched.h>

#include "transcript.h"

int main(int argc, char **argv)
{
	const char *how;
	pid_t pid;

	if (argc != 5)
		return 2;
	how = argv[1];
	half_way();
	pid = fork();
	if (pid == 0) {
		void *library;

		if (!strcmp(how, "root") || !strcmp(how, "both"))
			if (chroot(argv[2]) || chdir("/"))
				_exit(3);
		if (!strcmp(how, "user") || !strcmp(how, "both"))
			if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
				_exit(4);
		if (!strcmp(how, "network") && unshare(CLONE_NEWNET))
			_exit(5);
		errno = 4711;
		printf("open %d, ", open(argv[3], O_RDONLY));
		printf("errno %d, ", errno);
		printf("absent %d, ", open("/absent/from/here.pm", O_RDONLY));
		printf("errno %d\n", errno);
		library = dlopen(argv[4], RTLD_NOW);
		printf("library %s\n", library ? "well" : dlerror());
		tell_state("child");
		_exit(0);
	}
	return reap(pid);
}
