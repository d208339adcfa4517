//! The open family. `mode` of the variadic ones is passed on as it came: the calling conventions
//! put it where a fixed argument would be, and nobody reads it when the flags do not ask for it.

use crate::observe::file::opened;
use crate::real;
use alive_wire::Via;
use core::ffi::{c_char, c_int};

macro_rules! open_hooks {
    ($($export:ident as $name:ident($($argument:ident: $type:ty),*) with $path:ident, $flags:expr;)*) => {
        $(
            /// The libc function of this name, observed.
            ///
            /// # Safety
            /// As the libc function of this name.
            #[cfg_attr(not(test), unsafe(export_name = stringify!($export)))]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
                // SAFETY: the caller's own arguments.
                let fd = unsafe { real::$name($($argument),*) };
                // SAFETY: the call above got this path.
                unsafe { opened(fd, $path, $flags, Via::Open) };
                fd
            }
        )*
    };
}

open_hooks! {
    open as open(path: *const c_char, flags: c_int, mode: libc::mode_t) with path, flags;
    open64 as open64(path: *const c_char, flags: c_int, mode: libc::mode_t) with path, flags;
    openat as openat(folder: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) with path, flags;
    openat64 as openat64(folder: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) with path, flags;
    creat as creat(path: *const c_char, mode: libc::mode_t) with path, libc::O_WRONLY;
    __open_2 as open_2(path: *const c_char, flags: c_int) with path, flags;
    __open64_2 as open64_2(path: *const c_char, flags: c_int) with path, flags;
    __openat_2 as openat_2(folder: c_int, path: *const c_char, flags: c_int) with path, flags;
    __openat64_2 as openat64_2(folder: c_int, path: *const c_char, flags: c_int) with path, flags;
}
