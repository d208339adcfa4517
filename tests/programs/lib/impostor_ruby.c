/* Exports what Ruby does, and lies: become() chooses how. Its one frame is line 17 of
   /impostor/app.rb in "checkout". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uintptr_t VALUE;

#define NIL ((VALUE)8)
#define STRING 5
#define INTERNAL 0x1a
#define CODE (INTERNAL | 7 << 12)
#define ELSEWHERE (1 << 13)

char ruby_version[24] = "3.1.2";
int ruby_api_version[3] = {3, 1, 0};

static VALUE code[5] = {CODE};
/* A long text lies elsewhere, a short one in the object, its length in the flags. */
static char file_text[] = "/impostor/app.rb";
static VALUE file[5] = {STRING | ELSEWHERE, 0, sizeof(file_text) - 1, (VALUE)file_text};
static struct {
	VALUE flags, class;
	char text[24];
} name = {STRING | 8 << 14, 0, "checkout"};
static VALUE no_string[5] = {7};
/* A method, in whose name a text of another file can be evaluated. */
static VALUE method[5] = {INTERNAL | 6 << 12};
static char method_text[] = "/impostor/method.rb";
static VALUE method_file[5] = {STRING | ELSEWHERE, 0, sizeof(method_text) - 1, (VALUE)method_text};

/* A thread with a stack of one control frame and its end. */
static VALUE environment[2], end_environment[2] = {0x80};
static VALUE stack[32];
static VALUE context[3] = {(VALUE)stack, 32, (VALUE)(stack + 8)};
static VALUE thread[16];
static VALUE thread_object[5] = {12, 0, 0, 0, (VALUE)thread};

static int is_thread = 1, has_lock = 1, count = 1, line = 17;
static VALUE frame = (VALUE)code, path = (VALUE)file, label = (VALUE)&name;
static VALUE current = (VALUE)thread_object;
static const char *text_at;
/* A page that is not there. */
static VALUE nowhere;

int ruby_native_thread_p(void)
{
	return is_thread;
}

#ifndef WITHOUT_LOCK
int ruby_thread_has_gvl_p(void)
{
	return has_lock;
}
#endif

int rb_profile_frames(int start, int limit, VALUE *frames, int *lines)
{
	for (int number = start; number < count && number < limit; number++) {
		frames[number] = frame;
		lines[number] = line;
	}
	return count;
}

VALUE rb_profile_frame_path(VALUE asked)
{
	return asked == (VALUE)method ? (VALUE)method_file : path;
}

VALUE rb_profile_frame_label(VALUE asked)
{
	return asked ? label : NIL;
}

const char *rb_string_value_ptr(VALUE *string)
{
	VALUE *object = (VALUE *)*string;

	if (text_at)
		return text_at;
	return object[0] & ELSEWHERE ? (const char *)object[3] : (const char *)(object + 2);
}

VALUE rb_thread_current(void)
{
	return current;
}

int become(const char *mode)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 1;
	nowhere = (VALUE)page;
	thread[5] = (VALUE)context;
	stack[8 + 2] = (VALUE)code;
	stack[8 + 4] = (VALUE)environment;
	stack[15 + 4] = (VALUE)end_environment;
	if (!strcmp(mode, "well"))
		return 0;
	if (!strcmp(mode, "not-its-thread"))
		is_thread = 0;
	else if (!strcmp(mode, "without-lock"))
		has_lock = 0;
	else if (!strcmp(mode, "newer"))
		strcpy(ruby_version, "9.9.0"), ruby_api_version[0] = 9, ruby_api_version[1] = 9;
	else if (!strcmp(mode, "older"))
		strcpy(ruby_version, "2.6.10"), ruby_api_version[0] = 2, ruby_api_version[1] = 6;
	else if (!strcmp(mode, "two-versions"))
		strcpy(ruby_version, "3.11.2");
	else if (!strcmp(mode, "evaluated"))
		frame = (VALUE)method;
	else if (!strcmp(mode, "evaluated-somewhere"))
		frame = (VALUE)method, context[0] = context[2] = nowhere;
	else if (!strcmp(mode, "no-frames"))
		count = 0;
	else if (!strcmp(mode, "too-many-frames"))
		count = 100000;
	else if (!strcmp(mode, "fewer-than-none"))
		count = -1;
	else if (!strcmp(mode, "no-line"))
		line = 0;
	else if (!strcmp(mode, "negative-line"))
		line = -17;
	else if (!strcmp(mode, "frame-is-nil"))
		frame = NIL;
	else if (!strcmp(mode, "frame-is-nowhere"))
		frame = nowhere;
	else if (!strcmp(mode, "path-is-nil"))
		path = NIL;
	else if (!strcmp(mode, "path-is-nowhere"))
		path = nowhere;
	else if (!strcmp(mode, "path-is-no-string"))
		path = (VALUE)no_string;
	else if (!strcmp(mode, "label-is-nil"))
		label = NIL;
	else if (!strcmp(mode, "label-is-no-string"))
		label = (VALUE)no_string;
	else if (!strcmp(mode, "text-is-nowhere"))
		file[3] = nowhere;
	else if (!strcmp(mode, "text-beyond-its-end"))
		file[3] = nowhere - 4;
	else if (!strcmp(mode, "text-elsewhere"))
		text_at = "elsewhere";
	else if (!strcmp(mode, "endless-text"))
		file[2] = ~(VALUE)0;
	else if (!strcmp(mode, "thread-is-nowhere"))
		current = nowhere;
	else if (!strcmp(mode, "context-is-nowhere"))
		thread[5] = nowhere;
	else if (!strcmp(mode, "stack-is-nowhere"))
		context[0] = context[2] = nowhere;
	else if (!strcmp(mode, "endless-stack"))
		context[1] = ~(VALUE)0, stack[8 + 2] = (VALUE)no_string;
	else
		return 1;
	return 0;
}

/* Not the last thing it does: a jump would leave this library out of the stack. */
int ask_for(const char *wanted)
{
	int fd = open(wanted, O_RDONLY | O_CLOEXEC);

	return fd < 0 || close(fd) ? 1 : 0;
}
