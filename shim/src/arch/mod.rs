//! What differs between processor architectures: system calls, the register file of the unwinder,
//! and the naked stubs. One file each; they offer the same names.
//!
//! A stub is needed where an ordinary wrapper would be noticed. glibc's `dlopen` looks at its
//! return address to know whose RUNPATH and `$ORIGIN` apply, and `syscall` and `prctl` are variadic:
//! a stub asks Rust code where to go, with every argument register kept, and then *jumps* there,
//! so that the caller's return address is on top of the stack again.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("postfork knows x86-64 and aarch64; add a module beside arch/x86_64.rs");
