/* open_family FUNCTION PATH: a child opens the path by one function of the open and fopen families.
   Prints what came of it: "well", or "failed" and errno. */
#define _GNU_SOURCE
#include "steps.h"

/* What _FORTIFY_SOURCE turns open and its kin into; no header declares them. */
extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int folder, const char *path, int flags);
extern int __openat64_2(int folder, const char *path, int flags);

static int descriptor(const char *function, const char *path)
{
	if (!strcmp(function, "open"))
		return open(path, O_RDONLY);
	if (!strcmp(function, "open64"))
		return open64(path, O_RDONLY);
	if (!strcmp(function, "openat"))
		return openat(AT_FDCWD, path, O_RDONLY);
	if (!strcmp(function, "openat64"))
		return openat64(AT_FDCWD, path, O_RDONLY);
	if (!strcmp(function, "creat"))
		return creat(path, 0600);
	if (!strcmp(function, "creat64"))
		return creat64(path, 0600);
	if (!strcmp(function, "__open_2"))
		return __open_2(path, O_RDONLY);
	if (!strcmp(function, "__open64_2"))
		return __open64_2(path, O_RDONLY);
	if (!strcmp(function, "__openat_2"))
		return __openat_2(AT_FDCWD, path, O_RDONLY);
	if (!strcmp(function, "__openat64_2"))
		return __openat64_2(AT_FDCWD, path, O_RDONLY);
	_exit(2);
}

static FILE *stream(const char *function, const char *path)
{
	if (!strcmp(function, "fopen"))
		return fopen(path, "r");
	if (!strcmp(function, "fopen64"))
		return fopen64(path, "r");
	if (!strcmp(function, "freopen"))
		return freopen(path, "r", stdin);
	if (!strcmp(function, "freopen64"))
		return freopen64(path, "r", stdin);
	_exit(2);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		int well, number;

		if (strstr(argv[1], "fopen") || strstr(argv[1], "freopen"))
			well = stream(argv[1], argv[2]) != NULL;
		else
			well = descriptor(argv[1], argv[2]) >= 0;
		number = errno;
		if (well)
			printf("well\n");
		else
			printf("failed %d\n", number);
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
