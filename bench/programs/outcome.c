/*
 * A program run to its end: how long it took, and the most memory that it held at once.
 *
 *     outcome PROGRAM ARGUMENT...
 *
 * A block runs it once, its output thrown away, and answers with the nanoseconds from posix_spawn to the end of wait
 * and the largest resident size in KiB, as the kernel tells it to whoever waits.
 */
#include "driver.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    if (argc < 2)
        return 64;
    posix_spawn_file_actions_t silent;
    if (posix_spawn_file_actions_init(&silent)
        || posix_spawn_file_actions_addopen(&silent, 0, "/dev/null", O_RDONLY, 0)
        || posix_spawn_file_actions_addopen(&silent, 1, "/dev/null", O_WRONLY, 0))
        fail("posix_spawn_file_actions");
    while (asked()) {
        double answers[2];
        struct rusage used;
        int status;
        pid_t pid;
        double begin = now();
        if (posix_spawn(&pid, argv[1], &silent, NULL, argv + 1, environ))
            fail("posix_spawn");
        if (wait4(pid, &status, 0, &used) != pid || status)
            fail("wait4");
        answers[0] = now() - begin;
        answers[1] = used.ru_maxrss;
        answer(answers, 2);
    }
    return 0;
}
