/* state PATH LIBRARY ABSENT: a program that has changed everything which a process can change of itself
   prints its state before and after a fork; the child does so before and after it has opened, looked for
   and loaded things. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>

#include "transcript.h"

static void handler(int number)
{
	(void)number;
}

static void change_everything(void)
{
	static char stack[65536];
	stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };
	struct rlimit limit = { 1000, 2000 };
	sigset_t set;
	int ends[2];

	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGRTMIN + 3, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigaltstack(&other, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGURG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	if (pipe(ends) || dup2(ends[0], 200) < 0 || dup2(ends[1], 7) < 0)
		_exit(3);
	fcntl(200, F_SETFD, FD_CLOEXEC);
	umask(027);
	setrlimit(RLIMIT_NOFILE, &limit);
	setenv("LATER", "added", 1);
	unsetenv("LANG");
	if (setpriority(PRIO_PROCESS, 0, 3) || chdir("/proc"))
		_exit(4);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 4)
		return 2;
	change_everything();
	errno = 4711;
	tell_state("root");
	pid = fork();
	if (pid == 0) {
		struct stat about;
		void *handle;

		errno = 4712;
		tell_state("child");
		if (load(argv[1]) || load(argv[3]) != ENOENT || !stat(argv[3], &about))
			_exit(5);
		handle = dlopen(argv[2], RTLD_NOW);
		if (!handle || dlclose(handle))
			_exit(6);
		raise(SIGUSR1);
		errno = 4713;
		tell_state("child, later");
		_exit(7);
	}
	printf("status %d\n", reap(pid));
	errno = 4714;
	tell_state("root, later");
	return 0;
}
