/* A library with nothing below it. */
int plain(void);

int plain(void)
{
	return 1;
}
