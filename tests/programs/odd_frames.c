/* odd_frames HOW PATH [LIBRARY...]: a child loads the path from places that no table describes, or that
   one describes wrongly, then once more from main. Prints how often, and how the child ended.
   HOW: generated, coroutine, sigaltstack, recursion, frame_pointer, table, reused. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "steps.h"

/* What a small coroutine has. */
#define STACK (32 * 1024)

static const char *path;
static int failed, loads;

__attribute__((noinline)) static int load_here(void)
{
	loads++;
	failed |= load(path);
	return failed;
}

/* Pages that no object holds. */
static void *pages(size_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(97);
	return at;
}

/* Code as a just-in-time compiler makes it: a frame of its own, and a call through a pointer. */
static void generated(void)
{
#if defined(__x86_64__)
	static const unsigned char code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x08, 0xc3 };
#else
	static const unsigned code[] = { 0xa9bf7bfd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0 };
#endif
	void *at = pages(4096, PROT_READ | PROT_WRITE | PROT_EXEC);

	memcpy(at, code, sizeof code);
	__builtin___clear_cache((char *)at, (char *)at + sizeof code);
	((void (*)(int (*)(void)))at)(load_here);
}

static ucontext_t back, there;

static void coroutine(void)
{
	load_here();
}

/* A stack between two pages that fault. */
static void on_a_coroutine(void)
{
	char *stack = pages(STACK + 8192, PROT_NONE);

	mprotect(stack + 4096, STACK, PROT_READ | PROT_WRITE);
	getcontext(&there);
	there.uc_stack.ss_sp = stack + 4096;
	there.uc_stack.ss_size = STACK;
	there.uc_link = &back;
	makecontext(&there, coroutine, 0);
	for (int i = 0; i < 1; i++)
		swapcontext(&back, &there);
}

static void handler(int signal)
{
	(void)signal;
	load_here();
}

static void on_a_signal_stack(void)
{
	stack_t stack = { .ss_sp = pages(STACK, PROT_READ | PROT_WRITE), .ss_size = STACK };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

__attribute__((noinline)) static int recurse(int depth)
{
	volatile int below = depth > 0 ? recurse(depth - 1) : load_here();

	return below;
}

#if defined(__x86_64__)
/* Functions that keep their frame as others do, but say something else of it. Each one calls load_here
   and returns; `wrong` is where its table lies. */
#define LYING(name, pointer, wrong)                                                                           \
	void name(void);                                                                                      \
	__asm__(".text\n.globl " #name "\n" #name ":\n.cfi_startproc\n"                                         \
		"push %rbp\npush %rbx\nsub $8, %rsp\n.cfi_def_cfa_offset 32\n" pointer "\n" wrong               \
		"\ncall load_from_assembly\nadd $8, %rsp\npop %rbx\npop %rbp\nret\n.cfi_endproc\n")

int load_from_assembly(void);
int load_from_assembly(void)
{
	return load_here();
}

#define FRAME_POINTER ".cfi_def_cfa rbp, 16\n.cfi_offset rbp, -16\n.cfi_offset rip, -8"
LYING(pointer_null, "xor %ebp, %ebp", FRAME_POINTER);
LYING(pointer_small, "mov $8, %ebp", FRAME_POINTER);
LYING(pointer_odd, "mov $-1, %rbp", FRAME_POINTER);
LYING(pointer_kernel, "movabs $0xffff800000000000, %rbp", FRAME_POINTER);
LYING(pointer_outside, "movabs $0x0000800000000000, %rbp", FRAME_POINTER);
LYING(pointer_below, "lea -64(%rsp), %rbp", FRAME_POINTER);
LYING(pointer_itself, "mov %rsp, %rbp\nmov %rbp, (%rsp)", FRAME_POINTER);
LYING(pointer_code, "lea pointer_code(%rip), %rbp", FRAME_POINTER);

LYING(table_far, "", ".cfi_def_cfa_offset 0x40000000");
LYING(table_back, "", ".cfi_def_cfa_offset -32");
LYING(table_still, "", ".cfi_def_cfa_offset 0");
LYING(table_gone, "", ".cfi_undefined rip");
LYING(table_same, "", ".cfi_same_value rip");
LYING(table_moved, "", ".cfi_register rip, rsp");
LYING(table_odd, "", ".cfi_escape 0x10, 0x10, 0x02, 0x77, 0x01");
LYING(table_signal, "", ".cfi_signal_frame\n.cfi_def_cfa_offset 8");
LYING(table_empty, "", ".cfi_escape 0x0f, 0x00");
/* def_cfa_expression: literal 0, dereferenced; register 7 dereferenced; too deep; division; a jump. */
LYING(table_null, "", ".cfi_escape 0x0f, 0x02, 0x30, 0x06");
LYING(table_load, "", ".cfi_escape 0x0f, 0x03, 0x77, 0x00, 0x06");
LYING(table_deep, "", ".cfi_escape 0x0f, 0x09, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31");
LYING(table_divides, "", ".cfi_escape 0x0f, 0x03, 0x31, 0x30, 0x1b");
LYING(table_jumps, "", ".cfi_escape 0x0f, 0x03, 0x2f, 0xfd, 0xff");
/* The return address: the expression's value, and what lies where it points. */
LYING(table_value, "", ".cfi_escape 0x16, 0x10, 0x02, 0x08, 0x01");
LYING(table_points, "", ".cfi_escape 0x10, 0x10, 0x01, 0x30");
/* States remembered and never restored, and the other way round. */
LYING(table_keeps, "", ".cfi_remember_state\n.cfi_remember_state\n.cfi_remember_state\n.cfi_remember_state");
LYING(table_forgets, "", ".cfi_escape 0x0b");

static void (*const pointers[])(void) = { pointer_null, pointer_small, pointer_odd, pointer_kernel,
					  pointer_outside, pointer_below, pointer_itself, pointer_code, NULL };
static void (*const tables[])(void) = {
	table_far, table_back, table_still, table_gone, table_same, table_moved, table_odd, table_signal,
	table_empty, table_null, table_load, table_deep, table_divides, table_jumps, table_value, table_points,
	table_keeps, table_forgets, NULL,
};
#else
static void plain(void)
{
	load_here();
}

static void (*const pointers[])(void) = { plain, NULL };
static void (*const tables[])(void) = { plain, NULL };
#endif

/* Libraries one after the other, each at the place of the one before; 0 when they were. */
static int reused(char **libraries)
{
	void *place = NULL;

	for (; *libraries; libraries++) {
		void *handle = dlopen(*libraries, RTLD_NOW);
		int (*function)(const char *) = handle ? (int (*)(const char *))dlsym(handle, "load_through_frames") : NULL;
		Dl_info about;

		if (!function || !dladdr((void *)function, &about) || function(path))
			return 99;
		if (place && place != about.dli_fbase)
			return 98;
		loads++;
		place = about.dli_fbase;
		dlclose(handle);
	}
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 3)
		return 2;
	path = argv[2];
	pid = fork();
	if (pid == 0) {
		if (!strcmp(argv[1], "generated"))
			generated();
		else if (!strcmp(argv[1], "coroutine"))
			on_a_coroutine();
		else if (!strcmp(argv[1], "sigaltstack"))
			on_a_signal_stack();
		else if (!strcmp(argv[1], "recursion"))
			recurse(100000);
		else if (!strcmp(argv[1], "frame_pointer"))
			for (int i = 0; pointers[i]; i++)
				pointers[i]();
		else if (!strcmp(argv[1], "table"))
			for (int i = 0; tables[i]; i++)
				tables[i]();
		else
			failed |= reused(argv + 3);
		load_here();
		printf("%d loads\n", loads);
		fflush(stdout);
		_exit(failed);
	}
	return reap(pid);
}
