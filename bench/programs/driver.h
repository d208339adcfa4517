/*
 * What every driver does: each line on standard input asks for one block of work, and each block
 * answers with one line of numbers, in nanoseconds. The bench keeps several drivers waiting and
 * gives them their blocks in turns, so that a change of the machine's speed meets all of them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Waits for the next order. Reads and writes without stdio: a fork must not copy a filled buffer. */
static inline int asked(void)
{
    char byte;
    while (read(0, &byte, 1) == 1)
        if (byte == '\n')
            return 1;
    return 0;
}

static inline void answer(const double *numbers, int count)
{
    char line[512];
    int length = 0;
    for (int i = 0; i < count; i++)
        length += snprintf(line + length, sizeof line - (size_t)length, "%.1f ", numbers[i]);
    line[length - 1] = '\n';
    if (write(1, line, (size_t)length) != length)
        _exit(3);
}

static inline void fail(const char *what)
{
    perror(what);
    _exit(2);
}

static inline int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
