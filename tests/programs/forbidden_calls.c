/* forbidden_calls HOW PATH LIBRARY ABSENT: a filter that kills for each system call that the shim could make and
   this program does not. HOW it is installed: prctl or syscall, in a child; or inherited, which executes this
   program anew behind it. Then the child opens, looks for and loads things, with a second thread and without,
   and forks a child that does so, too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "steps.h"

#define ARGUMENT(number) offsetof(struct seccomp_data, args[number])
#define LOAD_WORD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DIE_AT(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), KILL

static void *handle_in_thread(void *library)
{
	return dlopen(library, RTLD_NOW);
}

static int use_all(char **argv)
{
	struct stat about;
	pthread_t thread;
	void *handle;
	FILE *stream;

	if (load(argv[0]) || !stat(argv[2], &about) || !access(argv[2], R_OK) || load(argv[2]) != ENOENT)
		return 10;
	stream = fopen(argv[0], "r");
	if (!stream || fclose(stream))
		return 11;
	handle = dlopen(argv[1], RTLD_NOW);
	if (!handle || dlclose(handle) || dlopen(argv[2], RTLD_NOW) || !dlerror())
		return 12;
	if (pthread_create(&thread, NULL, handle_in_thread, argv[1]) || pthread_join(thread, &handle))
		return 13;
	return !handle || dlclose(handle) || load(argv[0]) ? 14 : 0;
}

/* Everything, in this process and in a child of it, which ends through the handlers of exit. */
static int behind_the_filter(char **argv)
{
	int failed = use_all(argv);
	pid_t pid;

	if (failed)
		return failed;
	pid = fork();
	if (pid == 0)
		exit(use_all(argv));
	return reap(pid);
}

static void install(const char *how)
{
	struct sock_filter filter[] = {
		LOAD_WORD(offsetof(struct seccomp_data, nr)),
		DIE_AT(getpid), DIE_AT(getppid), DIE_AT(getsid), DIE_AT(gettid), DIE_AT(kill), DIE_AT(socket), DIE_AT(sendto),
		DIE_AT(clock_gettime), DIE_AT(getrusage), DIE_AT(sigaltstack), DIE_AT(process_vm_readv),
		DIE_AT(readlink), DIE_AT(readlinkat), DIE_AT(getcwd),
		/* Reading for a name only. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		LOAD_WORD(ARGUMENT(2)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_PATH, 5, 0),
		ALLOW,
		/* Asking whether memory can be read: `how` is none that exists. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 2),
		LOAD_WORD(ARGUMENT(0)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SIG_SETMASK, 1, 0),
		ALLOW,
		KILL,
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(3);
	if (strcmp(how, "syscall") ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
				   : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		_exit(4);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 5)
		return 2;
	if (!strcmp(argv[1], "behind"))
		return behind_the_filter(argv + 2);
	half_way();
	pid = fork();
	if (pid == 0) {
		install(argv[1]);
		if (!strcmp(argv[1], "inherited")) {
			execl("/proc/self/exe", argv[0], "behind", argv[2], argv[3], argv[4], NULL);
			_exit(5);
		}
		exit(behind_the_filter(argv + 2));
	}
	printf("status %d\n", reap(pid));
	/* This process is outside the filter. */
	pid = fork();
	if (pid == 0)
		_exit(load(argv[2]));
	return reap(pid);
}
