/* An extension of Ruby's that requires a file when it is loaded. It is compiled without Ruby's headers. */
extern unsigned long rb_require(const char *name);

void Init_in_c(void)
{
	/* Not the last thing it does: a jump would leave this library out of the stack. */
	__asm__ volatile("" : : "r"(rb_require("in_extension")));
}
