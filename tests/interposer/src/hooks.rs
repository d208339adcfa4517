//! The exported functions.
//!
//! `open` and its kin are variadic in C. redhook's macro knows no variadic functions, so the mode
//! is a fixed parameter here: on the platforms that alive runs on it comes in the same register,
//! and the real function ignores it unless the flags ask for it.
#![expect(unsafe_code, reason = "exported C functions that call the next one in the lookup order")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "blocks that redhook's macro makes, and calls that only pass on"
)]

use std::ffi::{CStr, c_char, c_int};

use libc::{FILE, mode_t};
use redhook::{hook, real};

use crate::log;

/// Notes the path of a call, if there is one.
///
/// # Safety
/// `path` is null or points to a string that ends with a zero and stays as it is for the call.
unsafe fn note(function: &str, path: *const c_char) {
    if !path.is_null() {
        // SAFETY: not null, and the caller vouches for the rest.
        log::note(function, unsafe { CStr::from_ptr(path) });
    }
}

hook! {
    unsafe fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => noted_open {
        unsafe { note("open", path) };
        unsafe { real!(open)(path, flags, mode) }
    }
}

hook! {
    unsafe fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => noted_open64 {
        unsafe { note("open64", path) };
        unsafe { real!(open64)(path, flags, mode) }
    }
}

hook! {
    unsafe fn openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int => noted_openat {
        unsafe { note("openat", path) };
        unsafe { real!(openat)(dir, path, flags, mode) }
    }
}

hook! {
    unsafe fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE => noted_fopen {
        unsafe { note("fopen", path) };
        unsafe { real!(fopen)(path, mode) }
    }
}
