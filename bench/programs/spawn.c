/*
 * Start and end of a short program under several preloads in turn.
 *
 *     spawn PROGRAM PRELOAD,NAME=VALUE...
 *
 * An empty PRELOAD is none; with another one, NAME=VALUE joins the environment. A block starts the program once for each
 * variant, the first one rotating, and answers with the time of each from posix_spawn to the end of wait.
 */
#include "driver.h"
#include <spawn.h>
#include <sys/wait.h>

enum { MOST = 8 };

int main(int argc, char **argv)
{
    int variants = argc - 2;
    if (variants < 1 || variants > MOST)
        return 64;
    char *environments[MOST][4];
    for (int i = 0; i < variants; i++) {
        char *preload = argv[i + 2];
        char *setting = strrchr(preload, ',');
        if (!setting)
            return 64;
        *setting++ = 0;
        char **environment = environments[i];
        *environment++ = "PATH=/usr/bin:/bin";
        if (*preload && asprintf(environment++, "LD_PRELOAD=%s", preload) < 0)
            fail("asprintf");
        if (*preload)
            *environment++ = setting;
        *environment = NULL;
    }
    char *arguments[] = {argv[1], NULL};
    for (int first = 0; asked(); first++) {
        double times[MOST];
        for (int turn = 0; turn < variants; turn++) {
            int i = (first + turn) % variants;
            int status;
            pid_t pid;
            double begin = now();
            if (posix_spawn(&pid, argv[1], NULL, NULL, arguments, environments[i]))
                fail("posix_spawn");
            if (waitpid(pid, &status, 0) != pid || status)
                fail("waitpid");
            times[i] = now() - begin;
        }
        answer(times, variants);
    }
    return 0;
}
