/* small_stack WHERE BYTES PATH ABSENT: a child opens the path and looks for the absent one on a small stack:
   WHERE is `signal`, a handler on an alternate stack with BYTES beside what the kernel itself puts there, or
   `thread`, a thread on a stack of BYTES and a guard page. Below the stack of the handler lie bytes that must
   not change; what the kernel puts there is measured, for it differs from one processor to another. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "steps.h"

enum { BELOW = 65536, CANARY = 0xa5 };

static const char *path, *absent;
static volatile int failed = -1;

static void use_code(void)
{
	int kept = errno;
	struct stat about;
	int fd = open(path, O_RDONLY);

	failed = fd < 0 || close(fd) || !stat(absent, &about);
	errno = kept;
}

static void handler(int number)
{
	(void)number;
	use_code();
}

static void nothing(int number)
{
	(void)number;
}

static unsigned char *stack_of(size_t size)
{
	unsigned char *memory = mmap(NULL, BELOW + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(3);
	return memset(memory, CANARY, BELOW + size);
}

/* Bytes of canary from the memory's beginning on. */
static size_t untouched(const unsigned char *memory, size_t size)
{
	size_t bytes = 0;

	while (bytes < BELOW + size && memory[bytes] == CANARY)
		bytes++;
	return bytes;
}

static unsigned char *signal_on(size_t size, void (*handle)(int))
{
	unsigned char *memory = stack_of(size);
	stack_t stack = { .ss_sp = memory + BELOW, .ss_size = size };
	struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL) || raise(SIGUSR1) || raise(SIGUSR1))
		_exit(4);
	return memory;
}

static void *runner(void *unused)
{
	use_code();
	return unused;
}

int main(int argc, char **argv)
{
	size_t bytes;
	pid_t pid;

	if (argc != 5)
		return 2;
	bytes = (size_t)atol(argv[2]);
	/* The linker finds functions when they are first called, on the caller's stack, and needs much of it. */
	path = absent = "/dev/null";
	use_code();
	path = argv[3];
	absent = argv[4];
	half_way();
	pid = fork();
	if (pid == 0) {
		int intact = 1;

		if (!strcmp(argv[1], "signal")) {
			enum { AMPLE = 262144 };
			size_t kernels = BELOW + AMPLE - untouched(signal_on(AMPLE, nothing), AMPLE);

			bytes += kernels;
			intact = untouched(signal_on(bytes, handler), bytes) >= BELOW;
		} else {
			unsigned char *memory = stack_of(bytes);
			pthread_attr_t attributes;
			pthread_t thread;

			pthread_attr_init(&attributes);
			/* One page, and below it somebody else's memory. */
			if (mprotect(memory + BELOW - 4096, 4096, PROT_NONE) || pthread_attr_setstack(&attributes, memory + BELOW, bytes) ||
			    pthread_create(&thread, &attributes, runner, NULL))
				_exit(5);
			pthread_join(thread, NULL);
		}
		/* The next event tells of what was counted. */
		failed |= load(path);
		printf("%s, below the stack: %s\n", failed ? "failed" : "well", intact ? "untouched" : "OVERFLOWN");
		fflush(stdout);
		_exit(failed);
	}
	return reap(pid);
}
