/* many_forks COUNT PATH: forks COUNT children that end at once, fails to fork three times, each time with
   another errno from before, and forks a last child that loads PATH. */
#include "steps.h"
#include <sys/resource.h>

/* The one place that forks. */
static __attribute__((noinline)) pid_t forked(void)
{
	pid_t pid = fork();

	__asm__ volatile(""); /* keeps the call above from becoming a jump */
	return pid;
}

static int failing_fork(int before)
{
	struct rlimit limit, none;
	pid_t pid;
	int after;

	if (getrlimit(RLIMIT_NPROC, &limit) < 0)
		return 1;
	none = limit;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		return 1;
	errno = before;
	pid = forked();
	after = errno;
	if (pid == 0)
		_exit(0);
	if (setrlimit(RLIMIT_NPROC, &limit) < 0)
		return 1;
	printf("fork behind errno %d: %s, errno %d\n", before, pid < 0 ? "failed" : "well", after);
	return pid > 0;
}

int main(int argc, char **argv)
{
	int count, status = 0;
	pid_t pid;

	if (argc != 3)
		return 2;
	/* The limit holds for nobody who may do everything. */
	if (getuid() == 0 && setuid(65534) < 0)
		return 3;
	for (count = atoi(argv[1]); count > 0 && status == 0; count--) {
		errno = count % 2 ? EAGAIN : ENOENT;
		pid = forked();
		if (pid == 0)
			_exit(errno != (count % 2 ? EAGAIN : ENOENT));
		if (errno != (count % 2 ? EAGAIN : ENOENT))
			return 4;
		status = reap(pid);
	}
	if (status != 0 || failing_fork(0) || failing_fork(EAGAIN) || failing_fork(ENOMEM))
		return 5;
	pid = forked();
	if (pid == 0)
		_exit(load(argv[2]));
	return reap(pid);
}
