/* fuzz_hooks SEED ROUNDS: in each round every function that the shim exports is called once with
   arguments of a hostile kind; all rounds in the parent, in a vfork child, in a forked child and in a
   vfork child of that one. The working directory is empty but for `plain.so`, a good library.

   For each call one line: who calls, the function, what its arguments are, its result and errno, and
   dlerror's words. The same seed makes the same calls, so two transcripts can be compared.

   Not called: what crashes without any interposer, too. That is a mode of fopen that cannot be read,
   a name of dlopen that cannot be read (but with flags that make it not look), an ELF file that ends
   in the middle of a segment (ld.so faults), a handle that dlclose never gave, and O_CREAT for the
   functions of _FORTIFY_SOURCE, which abort. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "hostile_paths.h"

extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int folder, const char *path, int flags);
extern int __openat64_2(int folder, const char *path, int flags);

/* The shim's own; null without it, and then they do nothing either. */
extern void alive_tap(const char *name) __attribute__((weak));
extern void alive_tap_at(const char *name, const char *file, unsigned line, const char *function)
	__attribute__((weak));

static const char *who;
static char said[1 << 16];
static size_t used;

static void flush(void)
{
	for (size_t at = 0; at < used;) {
		ssize_t written = write(1, said + at, used - at);

		if (written < 0)
			_exit(96);
		at += (size_t)written;
	}
	used = 0;
}

/* Appends to the transcript. Memory of its own: a vfork child's words are then its parent's. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list words;

	if (used > sizeof said - 2048)
		flush();
	va_start(words, format);
	used += (size_t)vsnprintf(said + used, 1024, format, words);
	va_end(words);
}

static int any_flags(int bad_too)
{
	static const int some[] = { O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY,
				    O_PATH, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_WRONLY | O_CREAT, O_CREAT | O_EXCL,
				    O_ACCMODE, O_RDWR | __O_TMPFILE | O_DIRECTORY, O_APPEND, O_RDONLY | O_CREAT };
	int flags = bad_too && !number(3) ? (int)(number(UINT32_MAX) ^ number(UINT32_MAX) << 8) : ANY(some);

	/* O_ASYNC would have the kernel send signals; a FIFO is not waited for. */
	return (flags & ~O_ASYNC) | O_NONBLOCK;
}

static int without_mode(int flags)
{
	return flags & ~(O_CREAT | (__O_TMPFILE & ~O_DIRECTORY));
}

static int any_folder(void)
{
	const int folders[] = { AT_FDCWD, AT_FDCWD, -1, INT32_MAX, INT32_MIN, 999, on_file, on_folder, on_path, 0 };

	return ANY(folders);
}

static int any_at_flags(int bad_pointer)
{
	static const int some[] = { 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS, AT_NO_AUTOMOUNT, -1, 0x10000 };
	int flags = number(4) ? ANY(some) : (int)number(UINT32_MAX);

	/* With AT_EMPTY_PATH newer C libraries look at the path themselves. */
	return bad_pointer ? flags & ~AT_EMPTY_PATH : flags;
}

#define OPENS(X)                                                                                              \
	X(open, (path.pointer, flags, mode))                                                                  \
	X(open64, (path.pointer, flags, mode))                                                                \
	X(openat, (folder, path.pointer, flags, mode))                                                        \
	X(openat64, (folder, path.pointer, flags, mode))                                                      \
	X(creat, (path.pointer, mode))                                                                        \
	X(__open_2, (path.pointer, without_mode(flags)))                                                      \
	X(__open64_2, (path.pointer, without_mode(flags)))                                                    \
	X(__openat_2, (folder, path.pointer, without_mode(flags)))                                            \
	X(__openat64_2, (folder, path.pointer, without_mode(flags)))

#define LOOKS(X)                                                                                              \
	X(stat, (path.pointer, buffer))                                                                       \
	X(stat64, (path.pointer, buffer))                                                                     \
	X(lstat, (path.pointer, buffer))                                                                      \
	X(lstat64, (path.pointer, buffer))                                                                    \
	X(fstatat, (folder, path.pointer, buffer, flags))                                                     \
	X(fstatat64, (folder, path.pointer, buffer, flags))                                                   \
	X(statx, (folder, path.pointer, flags, mask, buffer))                                                 \
	X(access, (path.pointer, (int)mask))                                                                  \
	X(faccessat, (folder, path.pointer, (int)mask, flags))

static void opens(void)
{
#define CALL(function, arguments)                                                                             \
	{                                                                                                     \
		struct path path = any_path(1);                                                               \
		int folder = any_folder(), flags = any_flags(1), mode = (int)number(010000), fd;              \
		(void)folder;                                                                                 \
		(void)flags;                                                                                  \
		errno = 4711;                                                                                 \
		fd = function arguments;                                                                      \
		say("%s %s %s %d %#x %o: %d %d\n", who, #function, path.name, folder, flags, mode, fd, errno); \
		if (fd >= 0)                                                                                  \
			close(fd);                                                                            \
	}
	OPENS(CALL)
#undef CALL
}

static void looks(void)
{
	static union {
		struct stat stat;
		struct statx statx;
	} good;

#define CALL(function, arguments)                                                                             \
	{                                                                                                     \
		struct path path = any_path(1);                                                               \
		int folder = any_folder(), flags = any_at_flags(path.bad), result;                            \
		unsigned mask = number(2) ? number(8) : number(UINT32_MAX);                                   \
		void *volatile buffer = number(4) ? (void *)&good : number(2) ? forbidden : NULL;             \
		(void)folder;                                                                                 \
		(void)buffer;                                                                                 \
		errno = 4711;                                                                                 \
		result = function arguments;                                                                  \
		say("%s %s %s %d %#x %#x %d: %d %d\n", who, #function, path.name, folder, (unsigned)flags, mask, \
		    buffer == &good, result, errno);                                                          \
	}
	LOOKS(CALL)
#undef CALL
}

static void streams(void)
{
	static const char *const modes[] = { "r", "rb", "re", "rm", "r+", "w", "a", "rx", "wx", "", "z",
					     "r,ccs=UTF-8", "r,ccs=NOSUCH", "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr" };
	static FILE *(*const first[])(const char *, const char *) = { fopen, fopen64 };
	static FILE *(*const again[])(const char *, const char *, FILE *) = { freopen, freopen64 };

	for (int i = 0; i < 2; i++) {
		struct path path = any_path(1);
		const char *mode = ANY(modes);
		FILE *stream;

		errno = 4711;
		stream = first[i](path.pointer, mode);
		say("%s fopen%s %s %s: %s %d\n", who, i ? "64" : "", path.name, mode, stream ? "stream" : "null", errno);
		if (stream)
			fclose(stream);
	}
	for (int i = 0; i < 2; i++) {
		struct path path = any_path(1);
		const char *mode = ANY(modes);
		FILE *stream = fopen("/dev/null", "r");

		if (!stream)
			_exit(97);
		errno = 4711;
		stream = again[i](path.pointer, mode, stream);
		say("%s freopen%s %s %s: %s %d\n", who, i ? "64" : "", path.name, mode, stream ? "stream" : "null", errno);
		/* A stream that freopen gave up is closed already. */
		if (stream)
			fclose(stream);
	}
}

/* What dlerror says; names of 70,000 bytes are in it, so a long one is cut. */
static void say_words(void)
{
	const char *words = dlerror();

	say(" %zu %.200s\n", words ? strlen(words) : 0, words ? words : "no words");
}

static void *kept[4];

static void libraries(void)
{
	static const char *const names[] = { "./plain.so", "./plain.so", "./header.so", "./cut.so", "./magic.so",
					     "./class.so", "./order.so", "./machine.so", "./type.so", "./version.so",
					     "./text.so", "./empty.so", "./dir.so", "./absent.so", "./link.so",
					     "libabsent.so.7", "libc.so.6", "libm.so.6", "$ORIGIN/plain.so", "$NOTHING/x.so" };
	static const int modes[] = { RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_GLOBAL, RTLD_LAZY | RTLD_DEEPBIND,
				     RTLD_NOW | RTLD_NOLOAD, RTLD_NOW | RTLD_LAZY, 0, RTLD_NOLOAD, -1, 0x10000000,
				     RTLD_NOW | 0x40 };
	static const Lmid_t spaces[] = { LM_ID_BASE, LM_ID_NEWLM, -2, 7, 15, 16, 99999 };
	static int fresh_spaces;
	struct path path = any_path(0);
	void **place = &ANY(kept);
	int mode = ANY(modes);
	Lmid_t space = ANY(spaces);
	int result;

	/* 32 KiB names make ld.so use as much stack; the main thread has it. */
	if (number(2))
		path = (struct path){ .pointer = ANY(names) };
	if (!number(8)) {
		path = (struct path){ .pointer = NULL, .name = "null" };
	} else if (!number(8)) {
		/* These flags are refused before the name is looked at. */
		path = no_string();
		mode = RTLD_NOW | 0x10000000;
	}
	if (*place) {
		errno = 4711;
		result = dlclose(*place);
		say("%s dlclose: %d", who, result);
		say_words();
	}
	*place = dlopen(path.pointer, mode);
	say("%s dlopen %s %s %#x: %s", who, path.name, path.bad || *path.name ? "-" : path.pointer, (unsigned)mode,
	    *place ? "handle" : "null");
	say_words();

	/* glibc has 16 namespaces and leaks a little of each; a few show as much as many. */
	if (path.bad || (space == LM_ID_NEWLM && ++fresh_spaces > 2))
		return;
	if (space == LM_ID_NEWLM)
		path = (struct path){ .pointer = number(2) ? "./plain.so" : "./absent.so" };
	/* Unlike dlopen, dlmopen hands every flag to ld.so, which asserts that its private ones are its own. */
	mode &= RTLD_LAZY | RTLD_NOW | RTLD_NOLOAD | RTLD_DEEPBIND | RTLD_NODELETE;
	void *handle = dlmopen(space, path.pointer, mode);

	say("%s dlmopen %ld %s %#x: %s", who, (long)space, path.name, (unsigned)mode, handle ? "handle" : "null");
	say_words();
	if (handle) {
		result = dlclose(handle);
		say("%s dlclose: %d", who, result);
		say_words();
	}
}

/* libc is open as everybody's dependency: closed once more than opened, it is "not open", and stays. */
static void close_too_often(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

	for (int i = 0; libc && i < 2; i++) {
		say("%s dlclose of libc: %d", who, dlclose(libc));
		say_words();
	}
}

/* Any string will do, and none. */
static void taps(void)
{
	struct path name = any_path(0), file = any_path(0), function = any_path(0);
	unsigned line = (unsigned)number(UINT32_MAX);
	uint32_t null = number(16);

	/* Drawn above, so that the seed makes the same calls without the shim. */
	errno = 4711;
	if (alive_tap)
		alive_tap(null & 1 ? NULL : name.pointer);
	if (alive_tap_at)
		alive_tap_at(null & 2 ? NULL : name.pointer, null & 4 ? NULL : file.pointer, line,
			     null & 8 ? NULL : function.pointer);
	say("%s alive_tap: %d\n", who, errno);
}

static void kernel(void)
{
	static const int options[] = { PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_NAME, PR_SET_NAME, PR_GET_SECCOMP,
				       PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ, 0, -1, INT32_MAX, 0x53564d41 };
	static const long numbers[] = { -1, 100000, SYS_getppid, SYS_close, SYS_openat, SYS_close_range };
	char name[16] = "fuzz_hooks", copy[16] = "";
	struct iovec from = { name, sizeof name }, into = { copy, sizeof copy };
	int option = ANY(options);
	long which = ANY(numbers), result;

	errno = 4711;
	result = prctl(option, number(2) ? (unsigned long)name : number(40), 0, 0, 0);
	say("%s prctl %d: %ld %d\n", who, option, result, errno);
	errno = 4711;
	result = which == SYS_getppid	    ? syscall(which) == getppid()
		 : which == SYS_close_range ? syscall(which, 1000000, number(2) ? 1000001 : 7, 0)
					    : syscall(which, -1, "text.pm", O_RDONLY);
	say("%s syscall %ld: %ld %d\n", who, which, result, errno);
	/* Six arguments, each of which must arrive: this process's own bytes, and a page of a file. */
	errno = 4711;
	result = syscall(SYS_process_vm_readv, getpid(), &into, 1, &from, 1, 0);
	say("%s six: %ld %d %s\n", who, result, errno, copy);
	errno = 4711;
	void *at = (void *)syscall(SYS_mmap, NULL, (size_t)PAGE, PROT_READ, MAP_PRIVATE, on_kept, (off_t)0);
	say("%s six: %d %d\n", who, at != MAP_FAILED && !strncmp(at, "1;", 2), errno);
	if (at != MAP_FAILED)
		munmap(at, PAGE);
	errno = 4711;
	result = syscall(SYS_mmap, NULL, (size_t)PAGE, PROT_READ, MAP_PRIVATE, on_kept, (off_t)1);
	say("%s six: %ld %d\n", who, result, errno);
}

/* In a vfork child only what leaves libc's own state alone: its memory is its parent's. */
static void rounds(const char *name, int times, int whole)
{
	who = name;
	for (int i = 0; i < times; i++) {
		opens();
		looks();
		taps();
		if (whole) {
			streams();
			libraries();
			kernel();
		}
	}
	if (whole)
		close_too_often();
}

static int times;

__attribute__((noinline)) static void in_vfork(const char *name)
{
	pid_t pid = vfork();

	if (pid == 0) {
		rounds(name, times, 0);
		_exit(0);
	}
	say("%s ended with %d\n", name, reap(pid));
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull | 1;
	times = atoi(argv[2]);
	make_files();
	make_pages();
	make_objects();
	rounds("parent", times, 1);
	in_vfork("vfork");
	flush();
	pid = fork();
	if (pid == 0) {
		rounds("child", times, 1);
		in_vfork("vfork of child");
		/* From here on the shim takes the process for one in a sandbox, and must be as silent. */
		errno = 4711;
		say("seccomp: %d %d\n", prctl(PR_SET_SECCOMP, 99, 0, 0, 0), errno);
		rounds("sandbox", times, 1);
		flush();
		_exit(0);
	}
	say("child ended with %d\n", reap(pid));
	flush();
	return 0;
}
