/* cancelled_with_objects FIFO: in a child a thread is cancelled while it waits inside open for somebody to write
   to the FIFO. The destructors of what lies on its stack run, and a catch-all sees the unwinding pass. */
#include <pthread.h>
#include <sys/syscall.h>

#include <atomic>
#include <string>

#include "steps.h"

static const char *fifo;
static std::atomic<pid_t> thread_id;

struct Object {
	std::string name;
	~Object() { printf("destroyed %s\n", name.c_str()); }
};

static void *waits(void *unused)
{
	Object outer{"the outer object, whose name is too long to lie within it"};

	try {
		Object inner{"the inner object"};

		thread_id = (pid_t)syscall(SYS_gettid);
		close(open(fifo, O_RDONLY));
		printf("opened\n");
	} catch (...) {
		printf("passes through\n");
		throw;
	}
	return unused;
}

static void await_open()
{
	struct timespec pause = {0, 1000000};
	char path[64], line[32];

	while (!thread_id)
		nanosleep(&pause, nullptr);
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)thread_id);
	for (;;) {
		FILE *file = fopen(path, "r");
		bool inside = file && fgets(line, sizeof line, file) && atoi(line) == SYS_openat;

		if (file)
			fclose(file);
		if (inside)
			return;
		nanosleep(&pause, nullptr);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	fifo = argv[1];
	half_way();
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;
		void *result;

		if (pthread_create(&thread, nullptr, waits, nullptr))
			_exit(3);
		await_open();
		if (pthread_cancel(thread) || pthread_join(thread, &result))
			_exit(4);
		printf("%s\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
