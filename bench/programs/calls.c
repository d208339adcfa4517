/*
 * One call of a hooked family, again and again.
 *
 *     calls parent|child CALL PATH COUNT
 *
 * `child` forks first and works in the child. A block is COUNT calls and answers with the time of one.
 */
#include "driver.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Calls of an interpreter nest; a stack that is walked should have some length. */
enum { DEPTH = 20 };

static const char *path;
static int count;

static void call_open(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

static void call_stat(void)
{
    struct stat about;
    (void)!stat(path, &about);
}

static void call_fopen(void)
{
    FILE *file = fopen(path, "re");
    if (file)
        fclose(file);
}

static void call_dlopen(void)
{
    void *library = dlopen(path, RTLD_LAZY);
    if (!library || dlclose(library))
        fail(path);
}

static void call_fork(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        _exit(0);
    if (waitpid(pid, NULL, 0) != pid)
        fail("waitpid");
}

static const struct {
    const char *name;
    void (*call)(void);
} calls[] = {
    {"open", call_open},     {"stat", call_stat}, {"fopen", call_fopen},
    {"dlopen", call_dlopen}, {"fork", call_fork},
};

static __attribute__((noinline)) void descend(int depth, void (*call)(void))
{
    if (depth == 0) {
        double begin = now();
        for (int i = 0; i < count; i++)
            call();
        double time = (now() - begin) / count;
        answer(&time, 1);
    } else {
        descend(depth - 1, call);
    }
    __asm__ volatile(""); /* keeps the call above from becoming a jump */
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 64;
    void (*call)(void) = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!strcmp(argv[2], calls[i].name))
            call = calls[i].call;
    if (!call)
        return 64;
    path = argv[3];
    count = atoi(argv[4]);
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
        descend(DEPTH, call);
    return 0;
}
