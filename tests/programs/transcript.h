/* What a process can see of itself, printed so that two runs can be compared: numbers that the kernel
   gives out anew each time are left out, and so is what puts the shim there. */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "steps.h"

extern char **environ;

/* Every open descriptor, with its flags and where it leads. */
__attribute__((unused)) static void tell_descriptors(void)
{
	for (int fd = 0; fd < 2048; fd++) {
		int flags = fcntl(fd, F_GETFD);
		char link[64], target[4096];
		ssize_t length;

		if (flags < 0)
			continue;
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		length = readlink(link, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = '\0';
		/* pipe:[123], socket:[123]; the test's own files have a number behind their names. */
		target[strcspn(target, "[")] = '\0';
		if (strstr(target, "/stdout.") || strstr(target, "/stderr."))
			strcpy(target, "output");
		printf("  descriptor %d flags %d %o %s\n", fd, flags, fcntl(fd, F_GETFL), target);
	}
}

static void tell_set(const char *name, const sigset_t *set)
{
	printf("  %s:", name);
	for (int number = 1; number < 65; number++)
		if (sigismember(set, number) == 1)
			printf(" %d", number);
	printf("\n");
}

/* Dispositions that are not the default, what is blocked, what waits, and the alternate stack. */
__attribute__((unused)) static void tell_signals(void)
{
	struct itimerval timer;
	sigset_t set;
	stack_t stack;

	for (int number = 1; number < 65; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) || action.sa_handler == SIG_DFL)
			continue;
		printf("  signal %d: %s, flags %x", number, action.sa_handler == SIG_IGN ? "ignored" : "handled",
		       (unsigned int)action.sa_flags);
		tell_set("", &action.sa_mask);
	}
	sigprocmask(SIG_BLOCK, NULL, &set);
	tell_set("blocked", &set);
	sigpending(&set);
	tell_set("pending", &set);
	if (!sigaltstack(NULL, &stack))
		printf("  signal stack: flags %d, %zu bytes\n", stack.ss_flags, stack.ss_size);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		if (!getitimer(which, &timer))
			printf("  timer %d: %s\n", which, timer.it_value.tv_sec || timer.it_value.tv_usec ? "set" : "not set");
}

/* The lines of /proc/self/status that only the program itself has a hand in. */
static void tell_status(void)
{
	static const char *const wanted[] = { "Umask:", "Uid:", "Gid:", "Groups:", "Threads:", "CapInh:", "CapEff:",
					      "CapAmb:", "NoNewPrivs:", "Seccomp:", "TracerPid:" };
	FILE *status = fopen("/proc/self/status", "r");
	char line[4096];

	if (!status) {
		printf("  no /proc\n");
		return;
	}
	while (fgets(line, sizeof line, status))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])))
				printf("  %s", line);
	fclose(status);
}

/* Everything; `when` says at which point of the program. */
__attribute__((unused)) static void tell_state(const char *when)
{
	char folder[4096];

	printf("%s: errno %d\n", when, errno);
	tell_descriptors();
	tell_signals();
	tell_status();
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, "LD_PRELOAD=", 11) && strncmp(*variable, "ALIVE_ADDR=", 11) &&
		    strncmp(*variable, "HALF_WAY=", 9))
			printf("  environment %s\n", *variable);
	for (int which = 0; which < RLIM_NLIMITS; which++) {
		struct rlimit limit;

		if (!getrlimit((__rlimit_resource_t)which, &limit))
			printf("  limit %d: %llu %llu\n", which, (unsigned long long)limit.rlim_cur,
			       (unsigned long long)limit.rlim_max);
	}
	printf("  folder %s\n", getcwd(folder, sizeof folder) ? folder : "none");
	printf("  priority %d\n", getpriority(PRIO_PROCESS, 0));
	fflush(stdout);
}

#endif
