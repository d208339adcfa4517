//! A call that looks whether a file is there: a step of a search, if the name is that of code.

use super::{classify, search};
use crate::process::fork;
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::Ordering;

/// After a call of the stat or access family.
///
/// # Safety
/// The real call got `path` and returned `result`, and errno is as it left it.
#[inline]
pub(crate) unsafe fn probed(result: c_int, path: *const c_char) {
    if !fork::forked() {
        return;
    }
    if result != 0 {
        // SAFETY: as this function's own contract.
        unsafe { missed(path) };
        return;
    }
    if fork::page().open_searches.load(Ordering::Relaxed) > 0 && !path.is_null() {
        // SAFETY: the kernel read this string a moment ago. (A null path goes with an empty-path flag.)
        let name = unsafe { CStr::from_ptr(path) }.to_bytes();
        if classify::classify(name).is_some() {
            search::succeeded(name);
        }
    }
    search::pass_time();
}

/// After a call in a forked process that failed with errno set. Another reason than that there is no such file ends no search
/// and begins none; with a bad pointer the path must not be touched.
///
/// # Safety
/// The real call got `path` and failed, and errno is as it left it.
pub(crate) unsafe fn missed(path: *const c_char) {
    // SAFETY: takes nothing; glibc answers with an address in the thread's own memory.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: errno of this thread.
    let errno = unsafe { errno.read() };
    if matches!(errno, libc::ENOENT | libc::ENOTDIR) && !path.is_null() {
        // SAFETY: the kernel read this string, for it looked for the file.
        let name = unsafe { CStr::from_ptr(path) }.to_bytes();
        if let Some(class) = classify::classify(name) {
            search::failed(name, class);
        }
    }
    search::pass_time();
}
