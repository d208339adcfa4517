/* tap_calls once|each COUNT: each order is one block of COUNT hits at one place, answered with the time of one. */
#include "driver.h"

#include "alive_tap.h"

static __attribute__((noinline)) void once(void)
{
    ALIVE_TAP("bench");
}

static __attribute__((noinline)) void each(void)
{
    ALIVE_TAP_EACH("bench");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    void (*hit)(void) = strcmp(argv[1], "once") == 0 ? once : each;
    long count = atol(argv[2]);
    while (asked()) {
        double begin = now();
        for (long i = 0; i < count; i++)
            hit();
        double each_one = (now() - begin) / (double)count;
        answer(&each_one, 1);
    }
    return 0;
}
