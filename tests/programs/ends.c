/* ends HOW NUMBER PATH: a child for each way to end loads the path and ends so; their statuses are
   printed. Then the program itself ends by HOW: exit, _exit, quick_exit, return, atexit, thread, or signal,
   with NUMBER as its status or signal. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "steps.h"

static int number;

static void at_exit(void)
{
	_exit(number);
}

static void quickly(void)
{
	printf("handler of quick_exit\n");
	fflush(stdout);
}

static void *exits(void *unused)
{
	(void)unused;
	exit(number);
}

/* Ends, or comes back with what main is to return. */
static int end(const char *how)
{
	pthread_t thread;

	if (!strcmp(how, "exit"))
		exit(number);
	if (!strcmp(how, "_exit"))
		_exit(number);
	if (!strcmp(how, "quick_exit")) {
		at_quick_exit(quickly);
		quick_exit(number);
	}
	if (!strcmp(how, "atexit"))
		exit(atexit(at_exit) ? 3 : 99);
	if (!strcmp(how, "thread")) {
		if (pthread_create(&thread, NULL, exits, NULL))
			exit(3);
		pthread_exit(NULL);
	}
	if (!strcmp(how, "signal")) {
		signal(number, SIG_DFL);
		raise(number);
	}
	return number;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *how;
		int number;
	} ways[] = {
		{ "exit", 0 },	     { "exit", 1 },	  { "exit", 77 },     { "exit", 256 },	  { "_exit", 255 },
		{ "quick_exit", 5 }, { "atexit", 6 },	  { "thread", 7 },    { "signal", SIGTERM },  { "signal", SIGKILL },
		{ "signal", SIGSEGV }, { "signal", SIGABRT }, { "signal", SIGBUS }, { "signal", SIGPIPE }, { "signal", 34 },
	};
	struct rlimit no_core = { 0, 0 };

	if (argc != 4)
		return 2;
	setrlimit(RLIMIT_CORE, &no_core);
	half_way();
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		int status;
		pid_t pid;

		number = ways[i].number;
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			if (load(argv[3]))
				_exit(111);
			return end(ways[i].how);
		}
		if (waitpid(pid, &status, 0) != pid)
			return 112;
		printf("%s %d: status %x\n", ways[i].how, ways[i].number, (unsigned int)status);
	}
	fflush(stdout);
	number = atoi(argv[2]);
	return end(argv[1]);
}
