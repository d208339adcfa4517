//! The fopen family. libc's own fopen does not pass through the open hooks.

use crate::observe::file::fopened;
use crate::real;
use core::ffi::c_char;

macro_rules! fopen_hooks {
    ($($name:ident($path:ident, $mode:ident $(, $file:ident)?);)*) => {
        $(
            /// The libc function of this name, observed.
            ///
            /// # Safety
            /// As the libc function of this name.
            #[cfg_attr(not(test), unsafe(no_mangle))]
            pub unsafe extern "C" fn $name(
                $path: *const c_char, $mode: *const c_char $(, $file: *mut libc::FILE)?
            ) -> *mut libc::FILE {
                // SAFETY: the caller's own arguments.
                let opened = unsafe { real::$name($path, $mode $(, $file)?) };
                // SAFETY: the call above got these strings.
                unsafe { fopened(opened, $path, $mode) };
                opened
            }
        )*
    };
}

fopen_hooks! {
    fopen(path, mode);
    fopen64(path, mode);
    freopen(path, mode, file);
    freopen64(path, mode, file);
}
