/* A library that is linked against lib/plain.c, so that one dlopen maps two objects. */
int plain(void);
int needs_plain(void);

int needs_plain(void)
{
	return plain() + 1;
}
