/*
 * open and close of one path, again and again.
 *
 *     open_loop parent|child PATH COUNT whole|each
 *
 * `child` forks first and works in the child. A block is COUNT opens and answers with the time of
 * one: `whole` reads the clock around the block (mean, mean), `each` around each open and close
 * (median, least).
 */
#include "driver.h"
#include <fcntl.h>
#include <sys/wait.h>

/* Calls of an interpreter nest; a stack that is walked should have some length. */
enum { DEPTH = 20 };

static const char *path;
static int count;
static int each;
static double *times;

static void once(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    close(fd);
}

static void block(void)
{
    double answers[2];
    if (each) {
        for (int i = 0; i < count; i++) {
            double begin = now();
            once();
            times[i] = now() - begin;
        }
        qsort(times, (size_t)count, sizeof *times, compare);
        answers[0] = times[count / 2];
        answers[1] = times[0];
    } else {
        double begin = now();
        for (int i = 0; i < count; i++)
            once();
        answers[0] = answers[1] = (now() - begin) / count;
    }
    answer(answers, 2);
}

static __attribute__((noinline)) void descend(int depth)
{
    if (depth == 0)
        block();
    else
        descend(depth - 1);
    __asm__ volatile(""); /* keeps the call above from becoming a jump */
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 64;
    path = argv[2];
    count = atoi(argv[3]);
    each = !strcmp(argv[4], "each");
    times = calloc((size_t)count, sizeof *times);
    if (!times)
        fail("calloc");
    if (!strcmp(argv[1], "child")) {
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid > 0) {
            int status;
            if (waitpid(pid, &status, 0) != pid)
                fail("waitpid");
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        }
    }
    while (asked())
        descend(DEPTH);
    return 0;
}
