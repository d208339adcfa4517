/* borrowed_memory PATH ABSENT: children that borrow their parent's memory, by vfork and by clone with CLONE_VM
   and CLONE_VFORK, open the path, look for an absent one, and execute another program. Printed is whether the
   parent was held up until then, and whether the shim's own memory is as it was before. The root does so,
   and then a forked worker, where the hooks are awake. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "steps.h"

static const char *path, *absent;
/* The child says here how far it got: its memory is its parent's. */
static volatile int reached;

/* A number made of all that the shim can write: its own segments, what is wiped in children, what the
   tree shares. Without the shim, of nothing. */
static unsigned long shims_memory(void)
{
	static char line[4096];
	unsigned long from = 0, to = 0, sum = 14695981039346656037UL;
	FILE *maps = fopen("/proc/self/smaps", "r");
	int ours = 0;

	if (!maps)
		_exit(3);
	while (fgets(line, sizeof line, maps)) {
		unsigned long begin, end;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3) {
			from = begin;
			to = end;
			ours = rights[1] == 'w' && (strstr(line, "libpostfork") || strstr(line, "/dev/zero"));
		} else if (!strncmp(line, "VmFlags:", 8)) {
			ours |= strstr(line, " wf") != NULL;
			for (; ours && from < to; from++)
				sum = (sum ^ *(unsigned char *)from) * 1099511628211UL;
		}
	}
	fclose(maps);
	return sum;
}

/* What the child does. */
static int borrow(void *unused)
{
	char *arguments[] = { "true", NULL }, *environment[] = { NULL };
	struct stat about;
	FILE *stream;
	int fd = open(path, O_RDONLY);

	(void)unused;
	if (fd < 0 || close(fd) || !stat(absent, &about) || !access(absent, R_OK) || open(absent, O_RDONLY) >= 0)
		_exit(4);
	stream = fopen(path, "r");
	if (!stream || fclose(stream))
		_exit(5);
	usleep(20000);
	reached = 1;
	execve("/bin/true", arguments, environment);
	_exit(6);
}

static void report(const char *who, const char *how, pid_t pid, unsigned long before)
{
	printf("%s, %s: %s, memory %s", who, how, reached ? "held up" : "went on",
	       shims_memory() == before ? "unchanged" : "CHANGED");
	printf(", status %d\n", reap(pid));
	reached = 0;
}

static void lend(const char *who)
{
	static char stack[262144] __attribute__((aligned(16)));
	unsigned long before;
	pid_t pid;

	shims_memory();
	before = shims_memory();
	pid = vfork();
	if (pid == 0)
		_exit(borrow(NULL));
	report(who, "vfork", pid, before);
	before = shims_memory();
	pid = clone(borrow, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	report(who, "clone", pid, before);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int forked[2];
	char byte = 0;
	pid_t pid;

	if (argc != 3 || pipe(forked))
		return 2;
	path = argv[1];
	absent = argv[2];
	half_way();
	lend("root");
	pid = fork();
	if (pid == 0) {
		/* What forking costs is written down by the root, for the tree, when it is back from its fork. */
		if (read(forked[0], &byte, 1) != 1 || load(path))
			_exit(7);
		lend("worker");
		_exit(load(path));
	}
	if (write(forked[1], &byte, 1) != 1)
		return 4;
	return reap(pid);
}
