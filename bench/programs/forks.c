/*
 * Forks of a process that has memory.
 *
 *     forks MEGABYTES COUNT
 *
 * A block forks COUNT children that end at once, waits for each, and answers with the time of one.
 */
#include "driver.h"
#include <sys/wait.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    size_t bytes = (size_t)atol(argv[1]) << 20;
    int count = atoi(argv[2]);
    char *memory = malloc(bytes);
    if (!memory)
        fail("malloc");
    memset(memory, 1, bytes);
    while (asked()) {
        double begin = now();
        for (int i = 0; i < count; i++) {
            pid_t pid = fork();
            if (pid < 0)
                fail("fork");
            if (pid == 0)
                _exit(0);
            if (waitpid(pid, NULL, 0) != pid)
                fail("waitpid");
        }
        double time = (now() - begin) / count;
        answer(&time, 1);
    }
    free(memory);
    return 0;
}
