//! A file that the program opened.

use super::{classify, linkmap, probe, search};
use crate::cell::{Bytes, copy, decimal};
use crate::emit::{self, Load};
use crate::process::{fork, heir};
use crate::stack::Trace;
use crate::stack::lang::python::current;
use crate::sys;
use crate::undisturbed::Undisturbed;
use alive_wire::header::flags;
use alive_wire::{Outcome, Via};
use core::ffi::{CStr, c_char, c_int};

/// Longest path that is resolved; a longer one would not fit a datagram.
pub(crate) const MAX_PATH: usize = 1200;

/// After an open of the open family that may have been a load.
///
/// The path is looked at only where the kernel did so before: a failed open may have failed because
/// the pointer is bad.
///
/// # Safety
/// The real call got `path`, and when `fd` is not negative it succeeded with it.
#[inline]
pub(crate) unsafe fn opened(fd: c_int, path: *const c_char, open_flags: c_int, via: Via) {
    const NOT_READ: c_int = libc::O_DIRECTORY | libc::O_PATH | libc::O_CREAT | libc::O_TRUNC;
    if !fork::forked() || open_flags & (libc::O_ACCMODE | NOT_READ) != libc::O_RDONLY {
        return;
    }
    if fd < 0 {
        // SAFETY: the real call failed with this path, and nothing touched errno since.
        unsafe { probe::missed(path) };
        return;
    }
    // SAFETY: the kernel read this string a moment ago.
    let name = unsafe { CStr::from_ptr(path) };
    if let Some(class) = classify::classify(name.to_bytes()) {
        report(fd, name.to_bytes(), class, via);
    }
    search::pass_time();
}

/// After an fopen or freopen that may have been a load.
///
/// # Safety
/// The real call got `path` and `mode` and returned `file`.
#[inline]
pub(crate) unsafe fn fopened(file: *mut libc::FILE, path: *const c_char, mode: *const c_char) {
    if path.is_null() || !fork::forked() {
        return;
    }
    if file.is_null() {
        // SAFETY: the real call failed with this path, and nothing touched errno since.
        unsafe { probe::missed(path) };
        return;
    }
    // SAFETY: fopen read both strings with success.
    let mode = unsafe { CStr::from_ptr(mode) };
    let reads = mode.to_bytes().first() == Some(&b'r') && !mode.to_bytes().contains(&b'+');
    // SAFETY: as above.
    let name = unsafe { CStr::from_ptr(path) };
    if reads && let Some(class) = classify::classify(name.to_bytes()) {
        // SAFETY: a stream that was just opened; glibc's fileno takes no lock.
        let fd = unsafe { libc::fileno(file) };
        report(fd, name.to_bytes(), class, Via::Fopen);
    }
    search::pass_time();
}

#[cold]
#[inline(never)]
fn report(fd: c_int, name: &[u8], class: classify::Class, via: Via) {
    // What follows has a large frame, so this one must be small.
    if !emit::must_only_count() {
        let _undisturbed = Undisturbed::begin();
        tell(fd, name, class, via);
    }
}

#[inline(never)]
fn tell(fd: c_int, name: &[u8], class: classify::Class, via: Via) {
    let Some(speaker) = fork::speaker() else { return };
    if heir::settle(&speaker) {
        return;
    }
    linkmap::compare(&speaker, None);
    let Some((mode, bytes)) = sys::mode_and_size(fd) else { return };
    if mode & libc::S_IFMT != libc::S_IFREG {
        return;
    }
    let mut buf = [0u8; MAX_PATH];
    let (path, unresolved) = resolve(fd, name, &mut buf);
    search::loaded(&speaker, name, class);
    current::opened(name);
    emit::load(
        &speaker,
        &Load {
            path,
            name,
            class,
            outcome: Outcome::Loaded,
            via,
            pulled_in_by: &[],
            bytes: Some(bytes),
            nanos: None,
            flags: if unresolved { flags::PATH_UNRESOLVED } else { 0 },
        },
        &Trace::capture(),
    );
}

/// The path of an open file as the kernel has it; else the caller's words behind the working
/// directory, and true.
pub(crate) fn resolve<'b>(fd: c_int, name: &[u8], buf: &'b mut [u8; MAX_PATH]) -> (&'b [u8], bool) {
    let link = descriptor_link(fd);
    let kernels = CStr::from_bytes_until_nul(link.as_slice()).ok().and_then(|link| sys::readlink(link, buf));
    let length = kernels.filter(|path| path.first() == Some(&b'/')).map(<[u8]>::len);
    if let Some(length) = length {
        return (buf.get(..length).unwrap_or_default(), false);
    }
    let mut used = 0;
    if name.first() != Some(&b'/') {
        used = sys::working_directory(buf).map_or(0, <[u8]>::len);
        let at_root = used == 1;
        if let Some(slot) = buf.get_mut(used).filter(|_| !at_root) {
            *slot = b'/';
            used = used.saturating_add(1);
        }
    }
    let taken = copy(buf.get_mut(used..).unwrap_or_default(), name);
    (buf.get(..used.saturating_add(taken)).unwrap_or_default(), true)
}

/// `/proc/self/fd/N` with its terminating zero.
fn descriptor_link(fd: c_int) -> Bytes<32> {
    let mut link = Bytes::of(b"/proc/self/fd/");
    link.push(decimal(fd.unsigned_abs()).as_slice());
    link.push(&[0]);
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_named_in_decimal() {
        assert_eq!(descriptor_link(0).as_slice(), b"/proc/self/fd/0\0");
        assert_eq!(descriptor_link(7042).as_slice(), b"/proc/self/fd/7042\0");
        assert_eq!(descriptor_link(c_int::MAX).as_slice(), b"/proc/self/fd/2147483647\0");
    }

    #[test]
    fn a_closed_descriptor_leaves_the_callers_words() {
        let mut buf = [0u8; MAX_PATH];
        assert_eq!(resolve(999_999, b"/a/b.pm", &mut buf), (&b"/a/b.pm"[..], true));
        let mut here = std::env::current_dir().unwrap().into_os_string().into_encoded_bytes();
        here.extend(b"/b.pm");
        let mut buf = [0u8; MAX_PATH];
        assert_eq!(resolve(999_999, b"b.pm", &mut buf), (&here[..], true));
    }
}
