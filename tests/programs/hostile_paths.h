/* Paths and pointers that a program should not hand to the kernel, and what they lead to. Included by
   fuzz_hooks.c; the files are made in the working directory, which is the caller's to empty. */
#ifndef HOSTILE_PATHS_H
#define HOSTILE_PATHS_H

#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "steps.h"

/* One argument: what the transcript calls it, and the pointer. */
struct path {
	char name[64];
	const char *pointer;
	/* Nobody but the kernel may look at it. */
	int bad;
};

#define LONGEST 70000
#define PAGE 4096

static uint64_t state;

/* xorshift64*: the same numbers for the same seed everywhere. */
static uint32_t number(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 32) % below;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ANY(array) ((array)[number(COUNT(array))])

static const char *const suffixes[] = {
	".so",	".so.1", ".so.6.2.3", ".pm",  ".pl",   ".ph",	".al",	 ".pmc", ".psgi", ".bs",  ".py",   ".pyc",
	".rb",	".ru",	 ".gemspec",  ".php", ".inc",  ".phar", ".lua",	 ".js",	 ".mjs",  ".node", ".tcl", ".R",
	".scm", ".elc",	 ".jar",      ".bc",  ".so.x", ".pm~",	".pm/",	 ".",	 "",	  ".txt", ".pm.pm", "/.pm",
};

/* What can stand at the end of a path: everything here but `absent` and `deep` is made by make_files. */
static const char *const literals[] = {
	"", ".", "..", "/", "//", "///", "./", "text.pm", "text.pm/", "text.pm/.", "text.pm/below.pm", "./text.pm",
	".//text.pm", "//proc//self//cwd//text.pm", "dir.pm", "dir.pm/", "dir.so", "dir.so/../text.pm", "fifo.pm",
	"socket.pm", "null.pm", "loop.pm", "loop.pm/x.pm", "dangling.pm", "link.pm", "link.so", "unreadable.pm",
	"empty.pm", "empty.so", "absent.pm", "absent.so", "absent/deep.pm", "new\nline.pm", "escape\033[31m.pm",
	"\377\376.pm", "\377\376absent.pm", "/dev/null", "/dev/zero", "/dev/full", "/proc/self/exe", "/proc/self/maps",
	"/proc/self/cwd/text.pm", "/proc/self/fd/999999", "/proc/self/fd/-1", "/proc/self/fd/0x3", "/proc/nowhere.pm",
	"notes.txt", "$ORIGIN/text.pm", "%s%n.pm",
};

static char *arena, *edge, *forbidden, *unreadable_code;
static int on_kept, on_file, on_folder, on_path;

static void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd))
		_exit(90);
}

static void make_files(void)
{
	static const char *const code[] = { "text.pm", "empty.pm", "empty.so", "text.so", "new\nline.pm",
					    "escape\033[31m.pm", "\377\376.pm", "notes.txt" };

	for (size_t i = 0; i < COUNT(code); i++)
		make_file(code[i], strncmp(code[i], "empty", 5) ? "1;\n" : "", 0644);
	make_file("unreadable.pm", "1;\n", 0);
	if (mkdir("dir.pm", 0755) || mkdir("dir.so", 0755) || mkfifo("fifo.pm", 0644))
		_exit(91);
	if (mknod("socket.pm", S_IFSOCK | 0644, 0) || symlink("/dev/null", "null.pm") || symlink("loop.pm", "loop.pm"))
		_exit(92);
	if (symlink("not-there.pm", "dangling.pm") || symlink("text.pm", "link.pm") || symlink("text.so", "link.so"))
		_exit(93);
	/* A reader and a writer of its own: without them, fopen of a FIFO waits. */
	if (open("fifo.pm", O_RDWR) < 0)
		_exit(94);
	/* Mapped, so no call here may make it shorter: none has its name or its descriptor. */
	make_file("kept", "1;\n", 0644);
	on_kept = open("kept", O_RDONLY);
	on_file = open("text.pm", O_RDONLY);
	on_folder = open(".", O_RDONLY | O_DIRECTORY);
	on_path = open(".", O_PATH);
}

/* ELF files that ld.so refuses, made of the good one. */
static void make_objects(void)
{
	static const struct {
		const char *name;
		size_t bytes, at;
		char value;
	} objects[] = {
		{ "header.so", 20, 0, 0x7f },	     { "cut.so", 100, 0, 0x7f },
		{ "magic.so", PAGE, 1, 'F' },	     { "class.so", PAGE, EI_CLASS, ELFCLASS32 },
		{ "order.so", PAGE, EI_DATA, ELFDATA2MSB }, { "machine.so", PAGE, 18, EM_68K },
		{ "type.so", PAGE, 16, ET_REL },     { "version.so", PAGE, EI_VERSION, 9 },
	};
	static char good[PAGE];
	int fd = open("plain.so", O_RDONLY);

	if (fd < 0 || read(fd, good, sizeof good) != sizeof good || close(fd))
		_exit(98);
	for (size_t i = 0; i < COUNT(objects); i++) {
		char kept = good[objects[i].at];

		good[objects[i].at] = objects[i].value;
		fd = open(objects[i].name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || write(fd, good, objects[i].bytes) < 0 || close(fd))
			_exit(99);
		good[objects[i].at] = kept;
	}
}

static void *pages(size_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(95);
	return at;
}

static void make_pages(void)
{
	arena = pages(LONGEST + PAGE, PROT_READ | PROT_WRITE);
	/* Two pages that can be read, and behind them one that cannot. It stays mapped, so that nothing
	   else comes to lie there. */
	edge = pages(3 * PAGE, PROT_READ | PROT_WRITE);
	mprotect(edge + 2 * PAGE, PAGE, PROT_NONE);
	forbidden = pages(PAGE, PROT_READ | PROT_WRITE);
	strcpy(forbidden, "text.pm");
	mprotect(forbidden, PAGE, PROT_NONE);
	/* Where the processor can tell, such a page can be executed and not read. */
	unreadable_code = pages(PAGE, PROT_READ | PROT_WRITE);
	strcpy(unreadable_code, "text.pm");
	mprotect(unreadable_code, PAGE, PROT_EXEC);
}

/* A string that ends with its zero on the last byte before the page that cannot be read. */
static struct path at_edge(const char *text)
{
	struct path path = { .bad = 0 };

	path.pointer = strcpy(edge + 2 * PAGE - strlen(text) - 1, text);
	snprintf(path.name, sizeof path.name, "edge+%zu", strlen(text));
	return path;
}

/* `bytes` bytes of one kind, with a suffix of code at their end. */
static struct path of_length(size_t bytes)
{
	static const char *const kinds[] = { "name", "folders", "dots", "slashes" };
	uint32_t kind = number(COUNT(kinds));
	const char *suffix = kind >= 2 ? "text.pm" : ANY(suffixes);
	size_t tail = strlen(suffix);
	struct path path = { .bad = 0 };

	for (size_t i = 0; i < bytes; i++)
		arena[i] = kind == 0 ? 'n' : kind == 1 ? "dir.pm/"[i % 7] : kind == 2 ? "./"[i % 2] : '/';
	if (kind == 3 && bytes)
		arena[0] = '.';
	if (kind == 2 && tail <= bytes && (bytes - tail) % 2)
		arena[bytes - tail - 1] = '/';
	if (tail <= bytes)
		memcpy(arena + bytes - tail, suffix, tail);
	arena[bytes] = '\0';
	path.pointer = arena;
	snprintf(path.name, sizeof path.name, "%s*%zu%s", kinds[kind], bytes, kind >= 2 ? "" : suffix);
	return path;
}

/* A pointer that only the kernel may be given. */
static struct path no_string(void)
{
	static const uintptr_t addresses[] = {
		0, 1, 4095, 0xdead0000, 0x00007ffffffff000, 0x0000800000000000, 0x8000000000000000, 0xffff800000000000,
		0xffffffff81000000, 0xfffffffffffff000, UINTPTR_MAX,
	};
	struct path path = { .bad = 1 };
	uint32_t which = number(COUNT(addresses) + 5);

	snprintf(path.name, sizeof path.name, "bad+%u", which);
	if (which < COUNT(addresses)) {
		path.pointer = (const char *)addresses[which];
		return path;
	}
	switch (which - COUNT(addresses)) {
	case 0:
		path.pointer = forbidden;
		break;
	case 1:
		path.pointer = edge + 2 * PAGE;
		break;
	case 2:
		path.pointer = unreadable_code;
		break;
	case 3: /* No zero up to the end of the page, nor within PATH_MAX. */
		path.pointer = memset(edge, 'n', 2 * PAGE);
		break;
	default: /* No zero up to the end of the page, which is nearer than PATH_MAX. */
		memset(edge, 'n', 2 * PAGE);
		memcpy(edge + 2 * PAGE - 3, ".pm", 3);
		path.pointer = edge + 2 * PAGE - 1 - number(300);
	}
	return path;
}

/* Any path; a bad pointer only for a function that leaves it to the kernel. */
static struct path any_path(int bad_too)
{
	static const size_t lengths[] = { 0, 1, 2, 3, 254, 255, 256, 257, 1199, 1200, 1201, 4094, 4095, 4096, 4097,
					  8191, 65535, 65536, LONGEST };
	struct path path = { .bad = 0 };

	switch (number(bad_too ? 6 : 4)) {
	case 0:
		return of_length(number(4) ? ANY(lengths) : number(LONGEST + 1));
	case 1:
		return at_edge(ANY(literals));
	case 2:
		snprintf(arena, LONGEST, "/proc/self/fd/%d%s", number(2) ? on_file : on_folder, number(2) ? "" : "/text.pm");
		path.pointer = arena;
		snprintf(path.name, sizeof path.name, "descriptor+%zu", strlen(arena));
		return path;
	case 4:
	case 5:
		return no_string();
	default: {
		uint32_t which = number(COUNT(literals));

		path.pointer = literals[which];
		snprintf(path.name, sizeof path.name, "literal+%u", which);
		return path;
	}
	}
}

#endif
