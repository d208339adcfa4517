//! PHP 7.4 to 8.4, without thread safety.
//!
//! The engine exports functions that say which file and line is being executed. The frames above that
//! one hang on `EG(current_execute_data)`, whose place differs with the version: it is found once in
//! each process, as the place from where one gets to the very file and line that the engine itself names
//! ([`place`]). Each walk is held against the engine's words again; where they differ, or no place was
//! found, the line that is being executed is all that is told.
//!
//! To add a version: compare `struct _zend_execute_data`, `_zend_op`, `_zend_string` and the first
//! fields of `_zend_op_array` and `_zend_class_entry` with those of the version before, then raise
//! [`NEWEST`]. The rest is found.

mod frames;
mod place;

use super::image::Image;
use super::memory::Memory;
use super::{Provider, Version};
use crate::cell::{Alone, Bytes};
use alive_wire::{Language, LineWriter, NoLines};
use core::ffi::{CStr, c_char, c_void};
use place::Place;

/// PHP.
pub(super) struct Php;

/// Versions of the Zend engine, which count three behind PHP's: 7.4 has 3.4, 8.4 has 4.4.
const OLDEST: (u32, u32) = (3, 4);
const NEWEST: (u32, u32) = (4, 4);

/// Longest name of a file that is read.
const LONGEST_FILE: usize = 400;

/// Functions of the engine; all exported, and none of them changes anything.
#[derive(Clone, Copy)]
#[repr(C)]
struct Functions {
    /// A `bool`, in 7.4 an `unsigned char`: the low byte counts.
    is_executing: unsafe extern "C" fn() -> u32,
    file: unsafe extern "C" fn() -> *const c_char,
    /// The same as a `zend_string`; null when no file is being executed.
    file_string: unsafe extern "C" fn() -> *const c_void,
    line: unsafe extern "C" fn() -> u32,
    /// `Zend Engine v4.2.0, Copyright ...`; null until the engine begins.
    version: unsafe extern "C" fn() -> *const c_char,
}

const NAMES: [&CStr; 5] = [
    c"zend_is_executing",
    c"zend_get_executed_filename",
    c"zend_get_executed_filename_ex",
    c"zend_get_executed_lineno",
    c"get_zend_version",
];

#[derive(Clone, Copy)]
struct Found {
    functions: Functions,
    /// Address of `executor_globals`, when it is exported.
    globals: Option<usize>,
}

static FOUND: Alone<Option<Found>> = Alone::new(None);

impl Provider for Php {
    fn language(&self) -> Language {
        Language::Php
    }

    fn mark(&self) -> &'static CStr {
        c"zend_get_executed_lineno"
    }

    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines> {
        let mut wanted = [core::ptr::null::<c_void>(); NAMES.len()];
        for (slot, name) in wanted.iter_mut().zip(NAMES) {
            *slot = image.needed(memory, name)? as *const c_void;
        }
        // SAFETY: the names stand in the order of the fields, and have had these types since 7.0.
        let functions = unsafe { core::mem::transmute::<[*const c_void; 5], Functions>(wanted) };
        // SAFETY: returns a variable.
        let engine = unsafe { (functions.version)() } as usize;
        if engine == 0 {
            return Err(NoLines::NotRunning);
        }
        let engine: Bytes<40> = memory.c_string(engine)?;
        let (major, minor) = read_version(engine.as_slice(), version).ok_or(NoLines::UnknownVersion)?;
        if !(OLDEST..=NEWEST).contains(&(major, minor)) || (major == OLDEST.0 && minor != OLDEST.1) {
            return Err(NoLines::UnknownVersion);
        }
        // With thread safety, what the functions above look at is there in some threads only.
        if image.symbol(memory, c"tsrm_get_ls_cache").is_some() {
            return Err(NoLines::UnknownBuild);
        }
        let globals = image.symbol(memory, c"executor_globals");
        // SAFETY: one thread at a time detects, and nobody captures meanwhile.
        unsafe { FOUND.change(|found| *found = Some(Found { functions, globals })) };
        Place::forget();
        Ok(())
    }

    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines> {
        let Some(found) = FOUND.get() else { return Err(NoLines::NoSymbols) };
        let functions = &found.functions;
        // SAFETY: looks at a variable.
        if unsafe { (functions.is_executing)() } & 0xff == 0 {
            return Err(NoLines::NotRunning);
        }
        // SAFETY: something is being executed, so there is a chain of frames to look at.
        let file_string = unsafe { (functions.file_string)() } as usize;
        if file_string == 0 {
            return Err(NoLines::NotRunning);
        }
        // SAFETY: as above.
        let line = unsafe { (functions.line)() };
        // SAFETY: as above.
        let file = unsafe { (functions.file)() } as usize;
        let said = Said { file: file_string, line };
        if file == file_string.wrapping_add(frames::TEXT)
            && let Some(place) = found.globals.and_then(|globals| Place::known_or_found(globals, &said))
            && let Some(first) = place.first(memory, &said)?
        {
            return frames::write(memory, place, first, lines);
        }
        let file: Bytes<LONGEST_FILE> = memory.c_string(file)?;
        lines.push(line, file.as_slice(), b"");
        Ok(())
    }
}

/// What the engine says of the innermost frame that is PHP's own code.
struct Said {
    /// Address of the `zend_string` with its file.
    file: usize,
    line: u32,
}

/// Reads `Zend Engine v4.2.35, ...` and writes PHP's own version. Before 8.0 the engine's last
/// number is not PHP's.
fn read_version(engine: &[u8], version: &mut Version) -> Option<(u32, u32)> {
    let numbers = engine.strip_prefix(b"Zend Engine v")?;
    let numbers = numbers.split(|byte| !byte.is_ascii_digit() && *byte != b'.').next()?;
    let mut parts = numbers.splitn(3, |byte| *byte == b'.');
    let mut next = || {
        let digits = parts.next()?;
        let number = digits.iter().try_fold(0u32, |sum, digit| {
            let digit = u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
            sum.checked_mul(10)?.checked_add(digit)
        })?;
        (!digits.is_empty()).then_some((number, digits))
    };
    let (major, _) = next()?;
    let (minor, minor_digits) = next()?;
    let php = u8::try_from(major.checked_add(4)?).ok().filter(|php| *php < 10)?;
    version.push(&[php.saturating_add(b'0'), b'.']);
    version.push(minor_digits);
    if major >= 4
        && let Some((_, patch)) = next()
    {
        version.push(b".");
        version.push(patch);
    }
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_version_tells_phps() {
        for (engine, numbers, php) in [
            ("Zend Engine v4.2.35, Copyright (c) Zend Technologies\n", Some((4, 2)), "8.2.35"),
            ("Zend Engine v3.4.0, Copyright (c) Zend Technologies\n", Some((3, 4)), "7.4"),
            ("Zend Engine v4.5.0-dev, Copyright", Some((4, 5)), "8.5.0"),
            ("Zend Engine v4", None, ""),
            ("Zend Engine v4., ", None, ""),
            ("Zend Engine v99.1.1", None, ""),
            ("HHVM 3.30", None, ""),
            ("", None, ""),
        ] {
            let mut version = Version::EMPTY;
            assert_eq!(read_version(engine.as_bytes(), &mut version), numbers, "{engine}");
            assert_eq!(version.as_slice(), php.as_bytes(), "{engine}");
        }
    }
}
