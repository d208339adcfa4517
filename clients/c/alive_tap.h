/* Tells a collector that code is alive. This file is all there is; Linux, GCC or Clang, C99 or C++.

       #include "alive_tap.h"
       ALIVE_TAP("checkout.legacy");

   ALIVE_TAP sends one datagram, the first time in each process and at each place; ALIVE_TAP_EACH sends one
   every time. Neither waits, fails or writes anything, and errno stays. ALIVE_ADDR is the collector's
   address (127.0.0.1:25483), ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all are read at
   the first call, and kept.

   It allocates nothing and takes no lock but the dynamic linker's for the caller's symbol, so with glibc a
   signal handler may have a tap, if it has three kilobytes of stack.

   Where libpostfork.so is preloaded it sends the hit, with the whole stack. */
#ifndef ALIVE_TAP_H
#define ALIVE_TAP_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The preloaded library's; null where it is not. Both may be called from anywhere, a signal handler too. */
extern void alive_tap(const char *name) __attribute__((weak));
extern void alive_tap_at(const char *name, const char *file, unsigned line, const char *function)
	__attribute__((weak));

/* dladdr under a name of our own, so that neither dlfcn.h nor _GNU_SOURCE is needed. */
struct alive_tap_symbol_ {
	const char *module;
	void *base;
	const char *name;
	void *address;
};
extern int alive_tap_dladdr_(const void *address, struct alive_tap_symbol_ *found) __asm__("dladdr")
	__attribute__((weak));

/* The C library's name for the program, likewise. */
extern char *alive_tap_program_ __asm__("program_invocation_short_name") __attribute__((weak));

/* How one place stands: whose it is, and in which process it was told. */
struct alive_tap_site_ {
	long told_in;
};

/* 0 not looked yet, 1 on, 2 off. One for each object that includes this file, as is what follows. */
static int alive_tap_state_;

/* The collector and the service, written before the state says that they may be read. */
static struct sockaddr_storage alive_tap_to_;
static socklen_t alive_tap_to_length_;
static char alive_tap_service_[128];

#define ALIVE_TAP(name) ALIVE_TAP_HIT_(name, 0)
#define ALIVE_TAP_EACH(name) ALIVE_TAP_HIT_(name, 1)
#define ALIVE_TAP_HIT_(name, each)                                                                        \
	do {                                                                                              \
		static struct alive_tap_site_ site_;                                                      \
		if (__atomic_load_n(&alive_tap_state_, __ATOMIC_RELAXED) != 2)                            \
			alive_tap_hit_(&site_, (name), __FILE__, __LINE__, __func__, (each),              \
				       __builtin_return_address(0));                                      \
	} while (0)

/* Adds a column to the datagram, if there is room and something to say. */
__attribute__((unused)) static void alive_tap_column_(char *line, size_t room, size_t *used, const char *key,
						     const char *value, size_t longest)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = *used, read = 0;

	if (!value || !*value || at + strlen(key) + 3 > room)
		return;
	line[at++] = '\t';
	memcpy(line + at, key, strlen(key));
	at += strlen(key);
	line[at++] = '=';
	for (; value[read] && read < longest; read++) {
		unsigned char byte = (unsigned char)value[read];

		if (at + 4 > room)
			return;
		if (byte > ' ' && byte < 127 && byte != '%' && byte != '=') {
			line[at++] = (char)byte;
		} else {
			line[at++] = '%';
			line[at++] = digits[byte >> 4];
			line[at++] = digits[byte & 15];
		}
	}
	*used = at;
}

/* The collector's address; its length, or 0 where nothing is to be sent. */
__attribute__((unused)) static socklen_t alive_tap_address_(struct sockaddr_storage *to)
{
	const char *text = getenv("ALIVE_ADDR"), *off = getenv("ALIVE_OFF"), *colon;
	struct sockaddr_in *four = (struct sockaddr_in *)to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
	char host[64], *end;
	size_t length;
	unsigned long port;

	memset(to, 0, sizeof *to);
	if (off && *off && strcmp(off, "0") != 0)
		return 0;
	if (!text || !*text)
		text = "127.0.0.1:25483";
	colon = strrchr(text, ':');
	if (!colon || colon[1] < '0' || colon[1] > '9')
		return 0;
	port = strtoul(colon + 1, &end, 10);
	length = (size_t)(colon - text);
	if (*end || port > 65535 || length < 2 || length >= sizeof host)
		return 0;
	memcpy(host, text, length);
	host[length] = 0;
	/* Numbers only: to look a name up could take seconds. */
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((unsigned short)port);
		return sizeof *four;
	}
	if (host[0] != '[' || host[length - 1] != ']')
		return 0;
	host[length - 1] = 0;
	if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) != 1)
		return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((unsigned short)port);
	return sizeof *six;
}

/* Writes a text, or a number in a base, behind what stands there; what has no room is left out. */
__attribute__((unused)) static char *alive_tap_text_(char *at, const char *end, const char *text)
{
	while (*text && at + 1 < end)
		*at++ = *text++;
	*at = 0;
	return at;
}

__attribute__((unused)) static char *alive_tap_number_(char *at, const char *end, unsigned long number,
						      unsigned base)
{
	char digits[24], *first = digits + sizeof digits - 1;

	*first = 0;
	do
		*--first = "0123456789abcdef"[number % base];
	while (number /= base);
	return alive_tap_text_(at, end, first);
}

/* Zero where there is no descriptor for a socket. */
__attribute__((unused)) static int alive_tap_send_(const char *name, const char *file, int line,
						  const char *function, const void *caller)
{
	char datagram[1400] = "alive1\tping", text[320], *at;
	const char *end = text + sizeof text;
	size_t used = sizeof "alive1\tping" - 1, room = sizeof datagram - 1;
	struct alive_tap_symbol_ found = { 0, 0, 0, 0 };
	struct utsname machine;
	int fd;

	alive_tap_column_(datagram, room, &used, "name", name, 255);
	alive_tap_column_(datagram, room, &used, "file", file, 300);
	alive_tap_number_(text, end, (unsigned long)line, 10);
	alive_tap_column_(datagram, room, &used, "line", text, 10);
	alive_tap_column_(datagram, room, &used, "function", function, 300);
	alive_tap_number_(text, end, (unsigned long)getpid(), 10);
	alive_tap_column_(datagram, room, &used, "pid", text, 20);
	if (alive_tap_dladdr_ && alive_tap_dladdr_(caller, &found) && found.module) {
		const char *base = strrchr(found.module, '/');

		/* A symbol where it is exported, else an offset that addr2line understands. */
		at = alive_tap_text_(text, end - 24, base ? base + 1 : found.module);
		if (found.name) {
			at = alive_tap_text_(at, end - 24, " ");
			at = alive_tap_text_(at, end - 24, found.name);
		}
		at = alive_tap_text_(at, end, "+0x");
		alive_tap_number_(at, end,
				  (unsigned long)((const char *)caller -
						  (const char *)(found.name ? found.address : found.base)),
				  16);
		alive_tap_column_(datagram, room, &used, "caller", text, 300);
	}
	alive_tap_column_(datagram, room, &used, "service", alive_tap_service_, 300);
	if (uname(&machine) == 0)
		alive_tap_column_(datagram, room, &used, "host", machine.nodename, 300);
	datagram[used++] = '\n';
	/* A socket for this one call: a daemon closes the descriptors that it does not know. */
	fd = socket(alive_tap_to_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	(void)!sendto(fd, datagram, used, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&alive_tap_to_,
		      alive_tap_to_length_);
	close(fd);
	return 1;
}

/* Reads the settings. Threads that do so at once write the same. */
__attribute__((unused)) static void alive_tap_begin_(void)
{
	struct sockaddr_storage to;
	socklen_t length = alive_tap_address_(&to);
	const char *service = getenv("ALIVE_NAME");

	if ((!service || !*service) && &alive_tap_program_)
		service = alive_tap_program_;
	if (length) {
		alive_tap_to_ = to;
		alive_tap_to_length_ = length;
		if (service)
			alive_tap_text_(alive_tap_service_, alive_tap_service_ + sizeof alive_tap_service_, service);
	}
	__atomic_store_n(&alive_tap_state_, length ? 1 : 2, __ATOMIC_RELEASE);
}

__attribute__((unused, noinline, cold)) static int alive_tap_tell_(const char *name, const char *file, int line,
								  const char *function, const void *caller)
{
	if (__atomic_load_n(&alive_tap_state_, __ATOMIC_ACQUIRE) == 0)
		alive_tap_begin_();
	if (__atomic_load_n(&alive_tap_state_, __ATOMIC_ACQUIRE) == 2 || !name || !*name)
		return 1;
	return alive_tap_send_(name, file, line, function, caller);
}

/* Always in the function with the tap, so that the preloaded library sees that function on its stack. */
__attribute__((unused, always_inline)) static inline void
alive_tap_hit_(struct alive_tap_site_ *site, const char *name, const char *file, int line, const char *function,
	       int each, const void *caller)
{
	long pid = each ? 0 : (long)getpid();
	int before = errno;

	/* In a forked child the number is another one. Of two threads at once one tells. */
	if (each || __atomic_exchange_n(&site->told_in, pid, __ATOMIC_RELAXED) != pid) {
		if (alive_tap_at)
			alive_tap_at(name, file, (unsigned)line, function);
		else if (!alive_tap_tell_(name, file, line, function, caller) && !each)
			/* Nothing was told, so the next one tries again. */
			__atomic_store_n(&site->told_in, 0, __ATOMIC_RELAXED);
	}
	errno = before;
}

#ifdef __cplusplus
}
#endif

#endif
