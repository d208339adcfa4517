//! Which Python an object is.

use super::super::image::Image;
use super::super::memory::Memory;
use super::Version;
use crate::cell::Bytes;
use alive_wire::NoLines;
use core::ffi::c_char;

/// The first release candidate, in the last byte of a version; from it on a layout stays as it is.
const CANDIDATE: u8 = 0xc0;

/// Reads the version and writes it down; the minor number of Python 3.
///
/// # Errors
/// For another major version, and for one before its first release candidate.
pub(super) fn read(image: &Image, memory: &Memory, version: &mut Version) -> Result<u8, NoLines> {
    let Some(number) = image.symbol(memory, c"Py_Version") else {
        // Before 3.11 it is told as text only.
        return in_words(text(image, memory)?.as_slice(), version);
    };
    let [major, minor, micro, level] = memory.half(number)?.to_be_bytes();
    push(version, major);
    version.push(b".");
    push(version, minor);
    version.push(b".");
    push(version, micro);
    if major != 3 || level < CANDIDATE { Err(NoLines::UnknownVersion) } else { Ok(minor) }
}

/// `3.10.13 (main, ...) [GCC ...]`, or its beginning.
fn text(image: &Image, memory: &Memory) -> Result<Bytes<24>, NoLines> {
    let get = image.needed(memory, c"Py_GetVersion")? as *const ();
    // SAFETY: it takes nothing and returns a static string, in every version.
    let get = unsafe { core::mem::transmute::<*const (), unsafe extern "C" fn() -> *const c_char>(get) };
    // SAFETY: as above; it may be called at any time, and formats into memory of its own.
    memory.c_string(unsafe { get() } as usize)
}

/// The version at the beginning of a text.
fn in_words(text: &[u8], version: &mut Version) -> Result<u8, NoLines> {
    let word = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    version.push(word);
    let mut parts =
        word.split(|byte| *byte == b'.').map(|digits| core::str::from_utf8(digits).ok()?.parse::<u8>().ok());
    // A pre-release has letters in its third part.
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(3), Some(minor), Some(_)) => Ok(minor),
        _ => Err(NoLines::UnknownVersion),
    }
}

fn push(version: &mut Version, number: u8) {
    let digits = [number / 100, number / 10 % 10, number % 10];
    let first = digits.iter().position(|digit| *digit > 0).unwrap_or(2);
    for digit in digits.iter().skip(first) {
        version.push(&[digit.saturating_add(b'0')]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_words_is_that_of_a_release() {
        let read = |text: &[u8]| {
            let mut version = Version::EMPTY;
            (in_words(text, &mut version), version.as_slice().to_vec())
        };
        assert_eq!(read(b"3.10.13 (main, Aug 25 2023) [GCC 12]"), (Ok(10), b"3.10.13".to_vec()));
        assert_eq!(read(b"3.8.0 (default"), (Ok(8), b"3.8.0".to_vec()));
        for unknown in [&b"3.9.0b4 (default"[..], b"2.7.18 (default", b"3.8", b"", b"3..1", b"300.8.1"] {
            assert_eq!(read(unknown).0, Err(NoLines::UnknownVersion), "{unknown:?}");
        }
    }

    #[test]
    fn numbers_are_written_without_leading_zeros() {
        for (number, digits) in [(0, "0"), (7, "7"), (10, "10"), (108, "108"), (255, "255")] {
            let mut version = Version::EMPTY;
            push(&mut version, number);
            assert_eq!(version.as_slice(), digits.as_bytes());
        }
    }
}
