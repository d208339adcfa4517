/* A library that looks like Perl 5.36 with threads from outside: it exports what tells Perl apart,
   and has one statement, "impostor.pl" line 7, inside one sub, Some::sub, that was called from
   line 9. IMPOSTOR names what is wrong with it. Its open_in_my_name opens a file as Perl would. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "../steps.h"

unsigned char PL_version = 36, PL_subversion;
uint16_t PL_interp_size = 3768;
pthread_key_t PL_thr_key;

static char interpreter[3768], statements[2][64], stack[64], contexts[2][104];
static char value_of_sub[24], body_of_sub[128], value_of_glob[24], body_of_glob[64];
static char value_of_stash[24], body_of_stash[128];
static char name_of_sub[16], name_of_package[16];
static char *wrong_caller;

#define WORD(at, offset, value) (*(uint64_t *)((at) + (offset)) = (uint64_t)(value))
#define HALF(at, offset, value) (*(uint32_t *)((at) + (offset)) = (uint32_t)(value))

/* Another library could have a function of this name too; what is called is this one. */
void perl_construct(void)
{
}

void *Perl_caller_cx(void *my_perl, int level, void **debugger)
{
	(void)my_perl, (void)level, (void)debugger;
	return wrong_caller ? wrong_caller : contexts[1];
}

static void *last_bytes_of_a_page(const char *text)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 4096, 4096);
	return memcpy(pages + 4096 - strlen(text), text, strlen(text));
}

static void *nowhere(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page, 4096);
	return page;
}

__attribute__((constructor)) static void begin(void)
{
	const char *wrong = getenv("IMPOSTOR");
	void *mine = interpreter;

	if (!wrong)
		wrong = "nothing";
#define IS(what) (!strcmp(wrong, what))
	WORD(interpreter, 208, statements[0]);
	WORD(interpreter, 224, stack);
	HALF(statements[0], 36, 7);
	WORD(statements[0], 48, "impostor.pl");
	HALF(statements[1], 36, 9);
	WORD(statements[1], 48, "impostor.pl");
	WORD(stack, 8, contexts);
	HALF(stack, 32, 1);
	HALF(stack, 36, 15);
	HALF(stack, 44, 1);
	contexts[0][0] = 2;
	contexts[1][0] = 9;
	WORD(contexts[1], 16, statements[1]);
	WORD(contexts[1], 72, value_of_sub);
	WORD(value_of_sub, 0, body_of_sub);
	HALF(value_of_sub, 12, 13);
	WORD(body_of_sub, 56, value_of_glob);
	WORD(value_of_glob, 0, body_of_glob);
	HALF(value_of_glob, 12, 9);
	WORD(body_of_glob, 32, name_of_sub);
	WORD(body_of_glob, 40, value_of_stash);
	WORD(value_of_stash, 0, body_of_stash);
	HALF(value_of_stash, 12, 0x0200000c);
	WORD(body_of_stash, 32, name_of_package);
	HALF(name_of_sub, 4, 3);
	strcpy(name_of_sub + 8, "sub");
	HALF(name_of_package, 4, 4);
	strcpy(name_of_package + 8, "Some");

	if (IS("version"))
		PL_version = 35;
	if (IS("version of another size"))
		PL_version = 32;
	if (IS("size"))
		PL_interp_size = 3776;
	if (IS("no interpreter"))
		mine = NULL;
	if (IS("interpreter"))
		mine = nowhere();
	if (IS("interpreter below the first page"))
		mine = (void *)8;
	if (IS("interpreter of no address"))
		mine = (void *)0x4141414141414141;
	if (IS("statement"))
		WORD(interpreter, 208, nowhere());
	if (IS("file"))
		WORD(statements[0], 48, nowhere());
	if (IS("file without an end"))
		WORD(statements[0], 48, last_bytes_of_a_page("impostor.pl"));
	if (IS("stack"))
		WORD(interpreter, 224, nowhere());
	if (IS("contexts"))
		WORD(stack, 8, nowhere());
	if (IS("no contexts"))
		WORD(stack, 8, 0);
	if (IS("too many contexts"))
		HALF(stack, 32, 16);
	if (IS("absurdly many contexts")) {
		HALF(stack, 32, 0x7fffffff);
		HALF(stack, 36, 0x7fffffff);
	}
	if (IS("fewer than no contexts"))
		HALF(stack, 32, -5);
	if (IS("circle of stacks")) {
		HALF(stack, 44, 3);
		WORD(stack, 16, stack);
	}
	if (IS("sub"))
		WORD(contexts[1], 72, nowhere());
	if (IS("sub of another type"))
		HALF(value_of_sub, 12, 12);
	if (IS("glob of another type"))
		HALF(value_of_glob, 12, 3);
	if (IS("name of absurd length"))
		HALF(name_of_sub, 4, 0x7fffffff);
	if (IS("name without an end"))
		WORD(body_of_glob, 32, last_bytes_of_a_page("\0\0\0\0\x40\0\0\0sub"));
	if (IS("caller outside"))
		wrong_caller = (char *)nowhere();
	if (IS("caller between two contexts"))
		wrong_caller = contexts[1] + 8;
	if (IS("caller in a block"))
		wrong_caller = contexts[0];
	pthread_key_create(&PL_thr_key, NULL);
	pthread_setspecific(PL_thr_key, mine);
}

const char *open_in_my_name(const char *name)
{
	return load(name) ? "not opened" : "opened";
}
