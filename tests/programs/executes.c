/* executes HOW PATH: a forked child loads the path and executes this program anew, by HOW: execve, execvp,
   fexecve, execveat or posix_spawn. The new image prints its state and loads the path, too. */
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/syscall.h>

#include "transcript.h"

static int execute(const char *how, char **arguments)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (self < 0)
		return 3;
	if (!strcmp(how, "execve"))
		execve("/proc/self/exe", arguments, environ);
	if (!strcmp(how, "execvp"))
		execvp("/proc/self/exe", arguments);
	if (!strcmp(how, "fexecve"))
		fexecve(self, arguments, environ);
	if (!strcmp(how, "execveat"))
		syscall(SYS_execveat, self, "", arguments, environ, AT_EMPTY_PATH);
	if (!strcmp(how, "posix_spawn")) {
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0);
		if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ))
			return 4;
		posix_spawn_file_actions_destroy(&actions);
		return reap(pid);
	}
	return 5;
}

int main(int argc, char **argv)
{
	char *arguments[] = { "anew", "executed", argv[argc - 1], argv[argc - 1], NULL };
	pid_t pid;

	if (argc == 4) {
		tell_state("executed");
		if (load(argv[3]))
			return 6;
		pid = fork();
		if (pid == 0)
			_exit(load(argv[3]) ? 7 : 5);
		return reap(pid);
	}
	if (argc != 3)
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(load(argv[2]) ? 8 : execute(argv[1], arguments));
	printf("status %d\n", reap(pid));
	tell_state("root");
	return 0;
}
