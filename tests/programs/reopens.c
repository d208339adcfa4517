/* reopens PATH OUT: a child turns its standard input into the path by freopen and reads it, turns its standard
   output into OUT, prints there, reads OUT back, and prints that to standard error. */
#include "transcript.h"

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	pid = fork();
	if (pid == 0) {
		char line[256];

		half_way();
		fprintf(stderr, "same stream: %d\n", freopen(argv[1], "r", stdin) == stdin);
		fprintf(stderr, "number %d\n", fileno(stdin));
		while (fgets(line, sizeof line, stdin))
			fprintf(stderr, "read %s", line);
		if (!freopen(argv[2], "w", stdout))
			_exit(3);
		printf("into the file, descriptor %d\n", fileno(stdout));
		tell_descriptors();
		fflush(stdout);
		if (!freopen(argv[2], "r", stdin))
			_exit(4);
		while (fgets(line, sizeof line, stdin))
			fprintf(stderr, "back: %s", line);
		/* Another mode on the same file. */
		fprintf(stderr, "mode only: %d\n", freopen(NULL, "r", stdin) == stdin);
		errno = 0;
		fprintf(stderr, "absent: %d", freopen("/nowhere/absent.pm", "r", stdin) == NULL);
		fprintf(stderr, " errno %d\n", errno);
		_exit(0);
	}
	return reap(pid);
}
