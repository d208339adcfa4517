/* The two steps that every program here is made of: open a file as code would be opened, and wait
   for a child. Included, not linked, so that a program stays one file. */
#ifndef STEPS_H
#define STEPS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Opens and closes, as an interpreter does with a file of code. 0 when it opened, else errno. */
__attribute__((unused)) static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Waits for a child; its exit status, or 128 + the signal that ended it. */
__attribute__((unused)) static int reap(pid_t pid)
{
	int status;

	if (pid < 0) {
		perror("fork");
		return 125;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			perror("waitpid");
			return 125;
		}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
