/* other_ways HOW PATH AFTER [LIBRARY]: a child gets at the code of PATH by a way that no hook watches,
   then loads AFTER in the ordinary one. Prints whether it got there.
   HOW: syscall, openat2, kernel (a system call in assembly), inherited, namespace (a second libc),
   memory (a library without a file), folder, executed (without LD_PRELOAD), plain (nothing beside the
   ordinary way, for the executed one). */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "steps.h"

static char **words;
static int inherited;

static int is_open(long fd)
{
	return fd >= 0 && close((int)fd) == 0;
}

static int by_kernel(const char *path)
{
	long fd;
#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(fd)
			 : "a"(SYS_openat), "D"(AT_FDCWD), "S"(path), "d"(O_RDONLY)
			 : "rcx", "r11", "memory");
#else
	register long number __asm__("x8") = SYS_openat, first __asm__("x0") = AT_FDCWD;
	register const char *second __asm__("x1") = path;
	register long third __asm__("x2") = O_RDONLY;

	__asm__ volatile("svc 0" : "+r"(first) : "r"(number), "r"(second), "r"(third) : "memory");
	fd = first;
#endif
	return is_open(fd);
}

static int by_mapping(void)
{
	void *at = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, inherited, 0);

	return at != MAP_FAILED && munmap(at, 1) == 0;
}

/* The library's calls go to the libc of its own namespace, where nothing was preloaded. */
static int by_namespace(const char *path, const char *library)
{
	void *handle = dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
	int (*function)(const char *) = handle ? (int (*)(const char *))dlsym(handle, "load_through_frames") : NULL;

	return function && function(path) == 0;
}

static int by_memory(const char *library)
{
	char name[32], bytes[4096];
	int from = open(library, O_RDONLY), to = memfd_create("code", MFD_CLOEXEC);
	ssize_t count;

	while ((count = read(from, bytes, sizeof bytes)) > 0)
		if (write(to, bytes, (size_t)count) != count)
			return 0;
	snprintf(name, sizeof name, "/proc/self/fd/%d", to);
	close(from);
	return dlopen(name, RTLD_NOW) != NULL;
}

/* The file's name is read, not the file. */
static int by_folder(const char *path)
{
	char folder[4096];
	DIR *listed;
	int count = 0;

	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
	listed = opendir(folder);
	while (listed && readdir(listed))
		count++;
	return count > 2 && closedir(listed) == 0;
}

static int by_executed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		char *arguments[] = { words[0], "plain", words[2], words[2], NULL }, *nothing[] = { NULL };

		execve("/proc/self/exe", arguments, nothing);
		_exit(96);
	}
	return reap(pid) == 0;
}

static int there(const char *how, const char *path, const char *library)
{
	struct open_how read_only = { .flags = O_RDONLY };

	if (!strcmp(how, "syscall"))
		return is_open(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
	if (!strcmp(how, "openat2"))
		return is_open(syscall(SYS_openat2, AT_FDCWD, path, &read_only, sizeof read_only));
	if (!strcmp(how, "kernel"))
		return by_kernel(path);
	if (!strcmp(how, "inherited"))
		return by_mapping();
	if (!strcmp(how, "namespace"))
		return by_namespace(path, library);
	if (!strcmp(how, "memory"))
		return by_memory(library);
	if (!strcmp(how, "folder"))
		return by_folder(path);
	if (!strcmp(how, "executed"))
		return by_executed();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 4)
		return 2;
	words = argv;
	inherited = open(argv[2], O_RDONLY);
	pid = fork();
	if (pid == 0) {
		if (strcmp(argv[1], "plain"))
			printf("%s\n", there(argv[1], argv[2], argc > 4 ? argv[4] : "") ? "there" : "not there");
		fflush(stdout);
		_exit(load(argv[3]));
	}
	return reap(pid);
}
