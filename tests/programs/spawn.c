/* spawn PATH: posix_spawn, whose child opens the path for the new program before it executes it. Then
   a fork whose child does nothing: so it is heard that the shim is there. */
#define _GNU_SOURCE
#include <spawn.h>

#include "steps.h"

extern char **environ;

int main(int argc, char **argv)
{
	char *program[] = { "true", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 9, argv[1], O_RDONLY, 0);
	if (posix_spawn(&pid, "/bin/true", &actions, NULL, program, environ))
		return 3;
	posix_spawn_file_actions_destroy(&actions);
	if (reap(pid))
		return 4;
	pid = fork();
	if (pid == 0)
		_exit(0);
	return reap(pid);
}
