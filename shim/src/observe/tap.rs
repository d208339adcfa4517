//! A tap that was hit. Unlike a load it is told from any process, the one that was executed included: who
//! put it there wants to know.

use crate::emit::{self, Tap};
use crate::process::fork;
use crate::stack::{Trace, object};
use crate::undisturbed::Undisturbed;
use crate::{cell::Bytes, config};
use alive_wire::text::MAX_NAME;
use core::ffi::c_char;

/// Longest name, file or function that is told.
const MAX_WORD: usize = MAX_NAME;

/// Tells of a hit, unless the shim is off.
///
/// # Safety
/// Each pointer is null, and not told, or a C string.
pub(crate) unsafe fn hit(name: *const c_char, file: *const c_char, line: u32, function: *const c_char) {
    if name.is_null() || config::get().address.as_slice().is_empty() || crate::root().0 == 0 {
        return;
    }
    // What follows has a large frame, so this one must be small.
    if emit::must_only_count() {
        return;
    }
    // SAFETY: the caller vouches for all three.
    unsafe { tell(name, file, line, function) }
}

/// # Safety
/// As [`hit`].
#[inline(never)]
unsafe fn tell(name: *const c_char, file: *const c_char, line: u32, function: *const c_char) {
    // SAFETY: the caller vouches for it.
    let name = unsafe { beginning(name) };
    if name.as_slice().is_empty() {
        return;
    }
    // SAFETY: likewise.
    let file = unsafe { beginning(file) };
    // SAFETY: likewise.
    let function = unsafe { beginning(function) };
    let _undisturbed = Undisturbed::begin();
    let Some(speaker) = fork::speaker() else { return };
    // A program that did not fork yet has told nothing so far.
    config::find_executable();
    if !object::knows_landmarks() {
        object::find_landmarks();
    }
    let tap = Tap { name: name.as_slice(), file: file.as_slice(), line, function: function.as_slice() };
    emit::tap(&speaker, &tap, &Trace::capture());
}

/// The first bytes of a C string; not looked at beyond, however long it is.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn beginning(text: *const c_char) -> Bytes<MAX_WORD> {
    let mut bytes = Bytes::EMPTY;
    if text.is_null() {
        return bytes;
    }
    for at in 0..MAX_WORD {
        // SAFETY: no zero was met before, so the string goes on at least up to here.
        let byte = unsafe { text.wrapping_add(at).read() };
        if byte == 0 {
            break;
        }
        bytes.push(&[byte.cast_unsigned()]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_at_its_zero_or_where_it_grows_too_long() {
        let read = |text: &core::ffi::CStr| {
            // SAFETY: a C string.
            unsafe { beginning(text.as_ptr()) }.as_slice().to_vec()
        };
        assert_eq!(read(c"checkout\xff"), b"checkout\xff");
        assert_eq!(read(c""), b"");
        let long = std::ffi::CString::new(vec![b'n'; 60_000]).unwrap();
        assert_eq!(read(&long).len(), MAX_WORD);
        // SAFETY: null is none.
        assert!(unsafe { beginning(core::ptr::null()) }.as_slice().is_empty());
    }
}
