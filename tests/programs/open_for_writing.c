/* open_for_writing PATH: a child opens the path in every way that may write, and never to read only. */
#include "steps.h"

int main(int argc, char **argv)
{
	static const char *modes[] = { "r+", "a", "a+", "w", "w+" };
	static const int flags[] = { O_WRONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_APPEND };
	pid_t pid;

	if (argc != 2)
		return 2;
	half_way();
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
			int fd = open(argv[1], flags[i], 0600);

			if (fd < 0)
				_exit(3);
			close(fd);
		}
		for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
			FILE *stream = fopen(argv[1], modes[i]);

			if (!stream)
				_exit(4);
			fclose(stream);
		}
		close(creat(argv[1], 0600));
		_exit(0);
	}
	return reap(pid);
}
