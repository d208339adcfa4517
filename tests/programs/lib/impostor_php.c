/* Exports what PHP's engine does, and lies: become() chooses how. It executes line 17 of
   /impostor/app.php in Cart::total, called by a function in C, called by line 3 of the same file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uintptr_t word;

struct string {
	word count, hash, length;
	char text[24];
};
#define STRING(words) {1, 0, sizeof(words) - 1, words}

static struct string file = STRING("/impostor/app.php"), function = STRING("total");
static struct string class_name = STRING("Cart");

/* An instruction has its line in the fourth word; a function its type first, then its name and its
   class; a frame the instruction first, what it runs in the fourth word, its caller in the seventh. */
static word inner_line[4] = {0, 0, 0, 17}, outer_line[4] = {0, 0, 0, 3};
static word class[2] = {2, (word)&class_name};
static word inner_code[32] = {2, (word)&function, (word)class}, outer_code[32] = {2}, in_c[32] = {1};
static word outer_frame[8] = {(word)outer_line, 0, 0, (word)outer_code};
static word c_frame[8] = {0, 0, 0, (word)in_c, 0, 0, (word)outer_frame};
static word inner_frame[8] = {(word)inner_line, 0, 0, (word)inner_code, 0, 0, (word)c_frame};

word executor_globals[256];

static const char *version = "Zend Engine v4.2.35, Copyright (c) Zend Technologies\n";
static int executing = 1, begins_late;
static struct string *file_string = &file;
static const char *file_text = file.text;
static uint32_t line = 17;

#ifdef THREAD_SAFE
void *tsrm_get_ls_cache(void)
{
	return NULL;
}
#endif

/* Only the low byte counts. */
uint32_t zend_is_executing(void)
{
	return 0xabcd00 | executing;
}

const char *zend_get_executed_filename(void)
{
	return file_text;
}

struct string *zend_get_executed_filename_ex(void)
{
	return file_string;
}

uint32_t zend_get_executed_lineno(void)
{
	return line;
}

const char *get_zend_version(void)
{
	return begins_late ? NULL : version;
}

/* Where the pointer to the innermost frame is, and the file in what a frame runs, in words. */
static void lay_out(int current, int file_at)
{
	executor_globals[current] = (word)inner_frame;
	inner_code[file_at] = outer_code[file_at] = (word)&file;
}

int become(const char *mode)
{
	word nowhere = (word)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if ((void *)nowhere == MAP_FAILED)
		return 1;
	/* What the globals are full of: numbers, and pointers to everything else. */
	for (int number = 0; number < 60; number++)
		executor_globals[number] = number % 3 ? (word)number * 0x1234567 : (word)&executor_globals[number];
	executor_globals[7] = nowhere;
	if (!strcmp(mode, "7.4")) {
		version = "Zend Engine v3.4.0, Copyright (c) Zend Technologies\n";
		lay_out(61, 17);
		return 0;
	}
	if (!strcmp(mode, "8.4")) {
		version = "Zend Engine v4.4.1, Copyright (c) Zend Technologies\n";
		lay_out(64, 21);
		return 0;
	}
	lay_out(61, 19);
	if (!strcmp(mode, "8.2"))
		return 0;
	if (!strcmp(mode, "late"))
		begins_late = 1;
	else if (!strcmp(mode, "idle"))
		executing = 0;
	else if (!strcmp(mode, "older"))
		version = "Zend Engine v3.3.0, Copyright (c)";
	else if (!strcmp(mode, "newer"))
		version = "Zend Engine v9.0.0, Copyright (c)";
	else if (!strcmp(mode, "no-version"))
		version = "";
	else if (!strcmp(mode, "no-file"))
		file_string = NULL;
	else if (!strcmp(mode, "file-is-nowhere"))
		file_text = (const char *)nowhere;
	else if (!strcmp(mode, "another-file"))
		file_text = "/impostor/other.php";
	else if (!strcmp(mode, "another-line"))
		line = 99;
	else if (!strcmp(mode, "no-frame"))
		executor_globals[61] = 0;
	else if (!strcmp(mode, "frame-is-nowhere"))
		executor_globals[61] = nowhere;
	else if (!strcmp(mode, "odd-frame"))
		executor_globals[61]++;
	else if (!strcmp(mode, "code-is-nowhere"))
		inner_frame[3] = nowhere;
	else if (!strcmp(mode, "line-is-nowhere"))
		inner_frame[0] = nowhere;
	else if (!strcmp(mode, "endless-frames"))
		inner_frame[3] = 0, inner_frame[6] = (word)inner_frame;
	else if (!strcmp(mode, "recursion"))
		inner_frame[6] = (word)inner_frame;
	else if (!strcmp(mode, "name-is-nowhere"))
		inner_code[1] = nowhere;
	else if (!strcmp(mode, "endless-name"))
		function.length = ~(word)0;
	else if (!strcmp(mode, "name-without-end"))
		function.length = 3;
	else if (!strcmp(mode, "caller-is-nowhere"))
		c_frame[6] = nowhere;
	else
		return 1;
	return 0;
}

int ask_for(const char *wanted)
{
	int fd;

	begins_late = 0;
	fd = open(wanted, O_RDONLY | O_CLOEXEC);
	return fd < 0 || close(fd) ? 1 : 0;
}
