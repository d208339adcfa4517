/* converts PATH: a child has glibc convert between character sets, for which glibc opens a library
   by a dlopen of its own that nobody can hook; then the child loads the path. */
#include <iconv.h>

#include "steps.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		if (iconv_open("UTF-8", "SHIFT_JIS") == (iconv_t)-1)
			_exit(3);
		_exit(load(argv[1]));
	}
	return reap(pid);
}
