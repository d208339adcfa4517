/* looks_at_itself PATH: a child that has loaded the path reads what the kernel says of it: its environment as it
   was at the start, its mappings, its command line, its name. Printed is what does not name the shim. */
#define _GNU_SOURCE
#include <link.h>
#include <sys/auxv.h>

#include "transcript.h"

static int visit(struct dl_phdr_info *object, size_t size, void *count)
{
	(void)size;
	if (!strstr(object->dlpi_name, "libpostfork"))
		printf("object %s\n", object->dlpi_name[0] == '/' ? strrchr(object->dlpi_name, '/') : object->dlpi_name);
	++*(int *)count;
	return 0;
}

/* Strings with a zero behind each, or lines. */
static void tell_file(const char *path, int zeros)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "r");

	if (!file) {
		printf("%s: errno %d\n", path, errno);
		return;
	}
	while (getdelim(&line, &room, zeros ? 0 : '\n', file) > 0) {
		char *name = zeros ? line : strchr(line, '/');

		if (name && !strstr(name, "libpostfork") && !strstr(name, "/dev/zero") && strncmp(name, "ALIVE_ADDR=", 11) &&
		    strncmp(name, "LD_PRELOAD=", 11))
			printf("%s: %s%s", path, name, zeros ? "\n" : "");
	}
	free(line);
	fclose(file);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		int objects = 0, variables = 0;

		if (load(argv[1]))
			_exit(3);
		tell_file("/proc/self/environ", 1);
		tell_file("/proc/self/cmdline", 1);
		tell_file("/proc/self/comm", 0);
		tell_file("/proc/self/maps", 0);
		dl_iterate_phdr(visit, &objects);
		for (char **variable = environ; *variable; variable++)
			variables += strncmp(*variable, "LD_PRELOAD=", 11) && strncmp(*variable, "ALIVE_ADDR=", 11);
		printf("%d variables, secure %lu\n", variables, getauxval(AT_SECURE));
		printf("called %s\n", program_invocation_short_name);
		fflush(stdout);
		_exit(objects < 3);
	}
	return reap(pid);
}
