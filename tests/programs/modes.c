/* modes FOLDER: a child makes files of code in the folder by every function that can, with modes of its own
   and under two umasks, and prints the modes that came of it. */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "steps.h"

static const char *folder;

static void tell(const char *function, const char *name, int fd)
{
	struct stat about;

	if (fd < 0 || fstat(fd, &about))
		printf("%s: errno %d\n", function, errno);
	else
		printf("%s: %o, %lld bytes\n", function, about.st_mode, (long long)about.st_size);
	close(fd);
	unlink(name);
}

static void make_all(void)
{
	char name[4096];
	FILE *stream;

	snprintf(name, sizeof name, "%s/made.pm", folder);
	tell("open", name, open(name, O_RDWR | O_CREAT | O_EXCL, 0751));
	tell("open64", name, open64(name, O_WRONLY | O_CREAT, 04640));
	tell("openat", name, openat(AT_FDCWD, name, O_RDONLY | O_CREAT, 0604));
	tell("openat64", name, openat64(AT_FDCWD, name, O_RDWR | O_CREAT | O_TRUNC, 0777));
	tell("creat", name, creat(name, 0135));
	tell("creat64", name, creat64(name, 0640));
	tell("O_TMPFILE", name, open(folder, O_RDWR | O_TMPFILE, 0613));
	stream = fopen(name, "w+x");
	tell("fopen", name, stream ? dup(fileno(stream)) : -1);
	fclose(stream);
	stream = fopen(name, "r");
	tell("fopen of nothing", name, stream ? fileno(stream) : -1);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	folder = argv[1];
	half_way();
	pid = fork();
	if (pid == 0) {
		umask(0);
		make_all();
		umask(027);
		make_all();
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
