/* A library in whose name something is called: while it runs, its frame is on the stack. */
int call_back(int (*function)(const char *), const char *path);

int call_back(int (*function)(const char *), const char *path)
{
	/* Not the last thing it does, or there would be a jump and no frame. */
	volatile int result = function(path);

	return result;
}
