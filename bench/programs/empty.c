/* The least that a preload library can be: what is measured beside it is the dynamic linker's own work. */
int alive_bench_empty;
