/* dlopen_words FOLDER: a child calls dlopen and its kin in every way that they know, on libplain.so, libunresolved.so
   (which needs a function that nobody has), libbroken.so (which is none) and an absent one in FOLDER, and prints
   what came of each, with dlerror's words. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>

#include "steps.h"

static const char *folder;

static void tell(const char *what, const void *found)
{
	const char *words = dlerror();

	printf("%s: %s, %s\n", what, found ? "there" : "not there", words ? words : "no words");
	words = dlerror();
	if (words)
		printf("%s: dlerror says it twice: %s\n", what, words);
}

static void *open_it(const char *name, int flags)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return dlopen(path, flags);
}

static void flags(void)
{
	static const struct {
		const char *name;
		int flags;
	} all[] = {
		{ "now", RTLD_NOW },
		{ "lazy", RTLD_LAZY },
		{ "global", RTLD_NOW | RTLD_GLOBAL },
		{ "no delete", RTLD_NOW | RTLD_NODELETE },
		{ "deep bind", RTLD_NOW | RTLD_DEEPBIND },
		{ "no load", RTLD_NOW | RTLD_NOLOAD },
		{ "neither now nor lazy", 0 },
		{ "nonsense", 0x7f0000 },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		static const char *const names[] = { "libplain.so", "libunresolved.so", "libbroken.so", "absent.so" };

		for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
			void *handle = open_it(names[j], all[i].flags);

			printf("%s, %s: %s\n", all[i].name, names[j], handle ? "opened" : "not opened");
			tell("  it", handle);
			if (!handle)
				continue;
			tell("  its function", dlsym(handle, "plain"));
			tell("  its function among all", dlsym(RTLD_DEFAULT, "plain"));
			tell("  a function it lacks", dlsym(handle, "lacking"));
			printf("  closed: %d\n", dlclose(handle));
			handle = open_it(names[j], RTLD_NOW | RTLD_NOLOAD);
			tell("  it after that", handle);
			if (handle)
				dlclose(handle);
		}
	}
}

static void questions(void)
{
	void *handle = open_it("libplain.so", RTLD_NOW), *again = open_it("./libplain.so", RTLD_NOW);
	void *self = dlopen(NULL, RTLD_NOW), *other;
	struct link_map *map = NULL;
	char origin[4096];
	Lmid_t namespace = 47;
	Dl_info about;

	printf("by another name: %s\n", handle == again ? "the same" : "another");
	printf("itself: %d, main in it: %d\n", self != NULL, dlsym(self, "environ") != NULL);
	if (!dlinfo(handle, RTLD_DI_LINKMAP, &map) && !dlinfo(handle, RTLD_DI_ORIGIN, origin))
		printf("map %s, origin %s\n", map->l_name, origin);
	if (dladdr(dlsym(handle, "plain"), &about))
		printf("address in %s is %s\n", about.dli_fname, about.dli_sname);
	if (dladdr(dlsym(RTLD_DEFAULT, "mkdir"), &about))
		printf("mkdir is in %s\n", strrchr(about.dli_fname, '/'));
	other = dlmopen(LM_ID_NEWLM, map->l_name, RTLD_NOW);
	tell("in another namespace", other);
	if (other && !dlinfo(other, RTLD_DI_LMID, &namespace))
		printf("namespace %ld, %s\n", namespace, other == handle ? "the same" : "another copy");
	tell("next of nothing", dlsym(RTLD_NEXT, "there_is_no_such_function"));
	printf("closed: %d %d %d\n", dlclose(other), dlclose(again), dlclose(handle));
	tell("after that", NULL);
	tell("a bare name", dlopen("libalive-is-nowhere.so.3", RTLD_NOW));
	tell("an empty name", dlopen("", RTLD_NOW));
	tell("a folder", dlopen("/tmp", RTLD_NOW));
	/* Two failures, and one word for the last. */
	dlopen("libalive-first.so", RTLD_NOW);
	dlopen("libalive-second.so", RTLD_NOW);
	tell("two failures", NULL);
	/* A success does not take the words of a failure away. */
	dlopen("libalive-third.so", RTLD_NOW);
	dlopen(NULL, RTLD_NOW);
	tell("failure and success", NULL);
	/* Words wait over other calls. */
	dlopen("libalive-fourth.so", RTLD_NOW);
	load("/nowhere/at_all.pm");
	tell("words wait", NULL);
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
		flags();
		questions();
		fflush(stdout);
		_exit(0);
	}
	return reap(pid);
}
