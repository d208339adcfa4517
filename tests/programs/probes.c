/* probes WHO STEP...: the child, or the parent while it has one, takes the steps. A step is FUNCTION:PATH
   and prints the function, its result and errno; PATH `BAD` is an address that cannot be read.
   `wait:MILLISECONDS` sleeps, and `leave:` ends without the handlers of exit. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <time.h>

#include "steps.h"

extern int __open_2(const char *path, int flags);
extern int __openat64_2(int folder, const char *path, int flags);

/* One call; its result, 0 for well and -1 for failed. */
static int call(const char *function, const char *path)
{
	struct stat about;
	struct stat64 about64;
	struct statx aboutx;
	FILE *stream;
	int fd;

	if (!strcmp(function, "stat"))
		return stat(path, &about);
	if (!strcmp(function, "stat64"))
		return stat64(path, &about64);
	if (!strcmp(function, "lstat"))
		return lstat(path, &about);
	if (!strcmp(function, "lstat64"))
		return lstat64(path, &about64);
	if (!strcmp(function, "fstatat"))
		return fstatat(AT_FDCWD, path, &about, 0);
	if (!strcmp(function, "fstatat64"))
		return fstatat64(AT_FDCWD, path, &about64, AT_SYMLINK_NOFOLLOW);
	if (!strcmp(function, "statx"))
		return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &aboutx);
	if (!strcmp(function, "access"))
		return access(path, R_OK);
	if (!strcmp(function, "faccessat"))
		return faccessat(AT_FDCWD, path, F_OK, 0);
	if (!strcmp(function, "fopen") || !strcmp(function, "fopen64")) {
		stream = !strcmp(function, "fopen") ? fopen(path, "r") : fopen64(path, "r");
		return stream ? fclose(stream) : -1;
	}
	if (!strcmp(function, "open"))
		fd = open(path, O_RDONLY);
	else if (!strcmp(function, "open64"))
		fd = open64(path, O_RDONLY);
	else if (!strcmp(function, "openat"))
		fd = openat(AT_FDCWD, path, O_RDONLY);
	else if (!strcmp(function, "openat64"))
		fd = openat64(AT_FDCWD, path, O_RDONLY);
	else if (!strcmp(function, "__open_2"))
		fd = __open_2(path, O_RDONLY);
	else if (!strcmp(function, "__openat64_2"))
		fd = __openat64_2(AT_FDCWD, path, O_RDONLY);
	else
		_exit(2);
	return fd < 0 ? -1 : close(fd);
}

static void take(char *step)
{
	char *path = strchr(step, ':');
	int result, number;

	if (!path)
		_exit(2);
	*path++ = '\0';
	if (!strcmp(step, "wait")) {
		long milliseconds = atol(path);
		struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

		nanosleep(&pause, NULL);
		return;
	}
	if (!strcmp(step, "leave")) {
		fflush(stdout);
		_exit(0);
	}
	errno = 4711;
	result = call(step, strcmp(path, "BAD") ? path : (const char *)1);
	number = errno;
	printf("%s %d %d\n", step, result, number);
}

int main(int argc, char **argv)
{
	pid_t pid;
	int parent;

	if (argc < 2)
		return 2;
	half_way();
	parent = !strcmp(argv[1], "parent");
	pid = fork();
	if (pid == 0 || parent) {
		if (pid == 0 && parent)
			_exit(0);
		for (int i = 2; i < argc; i++)
			take(argv[i]);
		fflush(stdout);
		if (pid == 0)
			exit(0);
	}
	return reap(pid);
}
