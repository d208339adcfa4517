//! Where the calls are noted.
//!
//! rustix makes its system calls itself: noting a call enters no function that is hooked here or
//! by another preload library, and leaves errno alone.

use std::env;
use std::ffi::{CStr, CString};
use std::io::IoSlice;
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};

/// The file to append to; unset before the constructor has run and when nobody asked for a log.
static LOG: OnceLock<CString> = OnceLock::new();

ctor::declarative::ctor! {
    // Reading the environment and allocating work by then: libc comes before us in the loader's
    // order, because this library depends on it.
    #[ctor(unsafe)]
    fn configure() {
        if let Some(path) = env::var_os("INTERPOSER_LOG")
            && let Ok(path) = CString::new(path.into_vec())
        {
            // A constructor runs once, so there is nothing that this could find already set.
            let _ = LOG.set(path);
        }
    }
}

/// Appends `FUNCTION PATH` and a newline, in one write so that processes do not mix their lines.
pub(crate) fn note(function: &str, path: &CStr) {
    let Some(log) = LOG.get() else { return };
    let line = [function.as_bytes(), b" ", path.to_bytes(), b"\n"].map(IoSlice::new);
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(log.as_c_str(), flags, Mode::from_raw_mode(0o600)) {
        // A library that only watches has nobody to tell that its disk is full.
        let _ = rustix::io::writev(&file, &line);
    }
}
