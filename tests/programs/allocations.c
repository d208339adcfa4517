/* allocations PATH LIBRARY: counts the calls of malloc and its kin that each hooked function causes
   in a forked child, and prints "function count". The allocator is this program's own, in front of
   libc's, so that nobody's call is missed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>

#include "steps.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *old);
extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int folder, const char *path, int flags);
extern int __openat64_2(int folder, const char *path, int flags);

extern void alive_tap(const char *name) __attribute__((weak));
extern void alive_tap_at(const char *name, const char *file, unsigned line, const char *function)
	__attribute__((weak));

static unsigned long calls;

void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	calls++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	calls++;
	return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	calls++;
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	calls++;
	*out = __libc_memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}

void free(void *old)
{
	calls++;
	__libc_free(old);
}

/* Runs a call twice, so that both the first and the warm way through the hook are in the count. */
#define COUNT(name, call)                            \
	do {                                         \
		unsigned long before = calls, used;  \
		call;                                \
		call;                                \
		used = calls - before;               \
		dprintf(1, "%s %lu\n", name, used);  \
	} while (0)

int main(int argc, char **argv)
{
	const char *path, *library;
	pid_t pid;

	if (argc != 3)
		return 2;
	path = argv[1];
	library = argv[2];
	pid = fork();
	if (pid == 0) {
		struct stat about;

		COUNT("open", close(open(path, O_RDONLY)));
		COUNT("open64", close(open64(path, O_RDONLY)));
		COUNT("openat", close(openat(AT_FDCWD, path, O_RDONLY)));
		COUNT("openat64", close(openat64(AT_FDCWD, path, O_RDONLY)));
		COUNT("__open_2", close(__open_2(path, O_RDONLY)));
		COUNT("__open64_2", close(__open64_2(path, O_RDONLY)));
		COUNT("__openat_2", close(__openat_2(AT_FDCWD, path, O_RDONLY)));
		COUNT("__openat64_2", close(__openat64_2(AT_FDCWD, path, O_RDONLY)));
		COUNT("fopen", fclose(fopen(path, "r")));
		COUNT("fopen64", fclose(fopen64(path, "r")));
		COUNT("freopen", stdin = freopen(path, "r", stdin));
		COUNT("freopen64", stdin = freopen64(path, "r", stdin));
		COUNT("stat", stat(path, &about));
		COUNT("dlopen", dlclose(dlopen(library, RTLD_NOW)));
		COUNT("alive_tap", alive_tap ? alive_tap("tap") : (void)0);
		COUNT("alive_tap_at", alive_tap_at ? alive_tap_at("tap", __FILE__, __LINE__, __func__) : (void)0);
		_exit(0);
	}
	return reap(pid);
}
