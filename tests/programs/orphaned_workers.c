/* orphaned_workers COUNT PATH CODE: a master forks COUNT workers and is killed; each of them, when it
   is an orphan, forks a child that loads CODE, loads CODE itself, and adds a line to PATH. */
#include <signal.h>
#include <time.h>

#include "steps.h"

static void work(pid_t master, const char *path, const char *code)
{
	struct timespec pause = { 0, 1000000 };
	int fd, failed;
	pid_t child;

	while (getppid() == master)
		nanosleep(&pause, NULL);
	child = fork();
	if (child == 0)
		_exit(load(code));
	failed = reap(child) | load(code);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || write(fd, failed ? "failed\n" : "loaded\n", 7) != 7)
		_exit(3);
	_exit(failed);
}

int main(int argc, char **argv)
{
	pid_t master = getpid();

	if (argc != 4)
		return 2;
	for (int left = atoi(argv[1]); left > 0; left--) {
		pid_t pid = fork();

		if (pid < 0)
			return 3;
		if (pid == 0)
			work(master, argv[2], argv[3]);
	}
	raise(SIGKILL);
	return 4;
}
