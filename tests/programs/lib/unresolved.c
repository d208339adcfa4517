/* A library that needs a function which nobody has: it can be opened lazily only. */
int nobody_has_this(void);
int unresolved(void);

int unresolved(void)
{
	return nobody_has_this();
}
