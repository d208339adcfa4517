/* Runs Python from a library, and lies about which one it is until it has forked: what is looked at
   before the fork says another version (argument 2, as PY_VERSION_HEX) and other sizes of frames, code
   and strings (arguments 3 to 5). The child imports the module of argument 6. */
#include <dlfcn.h>
#include <stdint.h>
#include <sys/mman.h>

#include "steps.h"

#define FIELDS 4

/* Where the library says it: the version, and in each of three types the size of its objects. */
static uint64_t *fields[FIELDS];

static void say(const uint64_t *values)
{
	for (int field = 0; field < FIELDS; field++)
		*fields[field] = values[field];
}

int main(int count, char **arguments)
{
	static const char *const names[FIELDS] = { "Py_Version", "PyFrame_Type", "PyCode_Type", "PyUnicode_Type" };
	void *python = count == 7 ? dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	uint64_t truth[FIELDS], lie[FIELDS];
	char script[256];
	pid_t child;

	if (!python)
		return 2;
	void (*initialize)(int) = (void (*)(int))dlsym(python, "Py_InitializeEx");
	int (*run)(const char *) = (int (*)(const char *))dlsym(python, "PyRun_SimpleString");
	void (*before_fork)(void) = (void (*)(void))dlsym(python, "PyOS_BeforeFork");
	void (*after_fork)(void) = (void (*)(void))dlsym(python, "PyOS_AfterFork_Child");

	for (int field = 0; field < FIELDS; field++) {
		char *at = dlsym(python, names[field]);
		uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;

		if (!at || mprotect((void *)page, 8192, PROT_READ | PROT_WRITE))
			return 3;
		fields[field] = (uint64_t *)(at + (field ? 32 : 0));
		truth[field] = *fields[field];
		lie[field] = strtoull(arguments[field + 2], NULL, 0);
	}
	initialize(0);
	if (run("import sys; sys.path.insert(0, ''); sys.dont_write_bytecode = True"))
		return 4;
	before_fork();
	say(lie);
	child = fork();
	say(truth);
	if (child == 0) {
		after_fork();
		snprintf(script, sizeof(script), "\n\nimport %s\n", arguments[6]);
		_exit(run(script) ? 5 : 0);
	}
	return reap(child);
}
