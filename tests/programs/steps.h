/* The steps that every program here is made of: open a file as code would be opened, wait for a child,
   and be half-way. Included, not linked, so that a program stays one file. */
#ifndef STEPS_H
#define STEPS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Tells the test that the program is half-way, and goes on when the test has done what it wants to do
   then. HALF_WAY names the file that says so; the test answers with `.go` behind the name. Without it,
   and from the second time on, this does nothing. Keeps errno. */
__attribute__((unused)) static void half_way(void)
{
	static int been;
	struct timespec pause = { 0, 1000000 };
	const char *half = getenv("HALF_WAY");
	int kept = errno, fd;
	char go[4096];

	if (!half || __atomic_exchange_n(&been, 1, __ATOMIC_RELAXED))
		return;
	snprintf(go, sizeof go, "%s.go", half);
	fd = open(half, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0) {
		close(fd);
		while (access(go, F_OK))
			nanosleep(&pause, NULL);
	}
	errno = kept;
}

/* Opens and closes, as an interpreter does with a file of code. 0 when it opened, else errno. */
__attribute__((unused)) static int load(const char *path)
{
	int fd;

	half_way();
	fd = open(path, O_RDONLY | O_CLOEXEC);
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
