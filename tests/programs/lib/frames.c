/* A library that loads a file of code through functions which keep their frames in different ways:
   pushed registers, a stack that grows, a stack that is realigned. Its unwind table describes each.
   ROOM changes the size of the outermost frame and not where its instructions lie. */
#include <alloca.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifndef ROOM
#define ROOM 1024
#endif

int load_through_frames(const char *path);

__attribute__((noinline)) static int plain(const char *path, volatile int *kept)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*kept = fd;
	return fd < 0 ? -1 : close(fd);
}

__attribute__((noinline)) static int grown(const char *path, volatile int *kept)
{
	char *copy = alloca(strlen(path) + 1);
	int result = plain(strcpy(copy, path), kept);

	*kept = result;
	return result;
}

__attribute__((noinline)) static int realigned(const char *path)
{
	volatile int kept __attribute__((aligned(128))) = 0;
	char *copy = alloca(strlen(path) + 1);
	int result = grown(strcpy(copy, path), &kept);

	return result + (kept > 0);
}

int load_through_frames(const char *path)
{
	volatile char room[ROOM];

	room[0] = (char)realigned(path);
	return room[0];
}
