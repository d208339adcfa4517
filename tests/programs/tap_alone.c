/* tap_alone plain|vfork|filter: calls the shim's own functions, as a program does that found them by dlsym.
   plain: one hit without a place. vfork: a child that borrows this memory hits, then this process does.
   filter: hits behind a filter that kills for a socket. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "steps.h"

typedef void (*tap_function)(const char *name);

static tap_function tap;

__attribute__((noinline)) static void holds_the_tap(const char *name)
{
	tap(name);
	__asm__ volatile("");
}

__attribute__((noinline)) static void calls_it(const char *name)
{
	holds_the_tap(name);
	__asm__ volatile("");
}

static int confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	tap = (tap_function)dlsym(RTLD_DEFAULT, "alive_tap");
	if (!tap)
		return 3;
	if (strcmp(argv[1], "vfork") == 0) {
		pid = vfork();
		if (pid == 0) {
			tap("of.the.child");
			_exit(0);
		}
		if (reap(pid))
			return 4;
	} else if (strcmp(argv[1], "filter") == 0 && confine()) {
		return 5;
	}
	calls_it("of.the.program");
	printf("done\n");
	return 0;
}
