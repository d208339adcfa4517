//! Ruby 2.7 to 3.3, asked by the functions that it keeps for profilers.
//!
//! `rb_profile_frames` copies the frames of the calling thread, innermost first, and the functions
//! beside it say which file and method a frame belongs to. None of them allocates. They may be called
//! with the lock of the thread's ractor held, and while it is held no collector runs: so no string
//! moves under the eyes. The lock is held in `require`, `load` and `dlopen`; it is not in a read or
//! write that Ruby lets other threads pass by.
//!
//! To add a version: compare `rb_profile_frames` and its kin in `vm_backtrace.c`, the two guards in
//! `thread.c`, and `struct RString` with those of the version before, then enter it in [`VERSIONS`].

mod control;
mod string;

use super::image::Image;
use super::memory::Memory;
use super::room::Room;
use super::{Provider, Version};
use crate::cell::Alone;
use alive_wire::{Language, LineWriter, NoLines};
use core::ffi::{CStr, c_int, c_void};
use string::{Strings, Value};

/// Ruby.
pub(super) struct Ruby;

/// Major and minor version, and how its strings are laid out.
const VERSIONS: &[(u32, u32, Strings)] = &[
    (2, 7, Strings::LengthInFlags),
    (3, 0, Strings::LengthInFlags),
    (3, 1, Strings::LengthInFlags),
    (3, 2, Strings::LengthInFront),
    (3, 3, Strings::LengthInFront),
];

/// Frames that are asked for: those of C functions and of Ruby's own library are among them.
const FRAMES: usize = 96;

/// Longest name of a file, and of a method, that is read.
const LONGEST_FILE: usize = 400;
const LONGEST_NAME: usize = 120;

/// What the path of a file within the interpreter begins with, rubygems' `require` among them.
const INTERNAL: &[u8] = b"<internal:";

/// Names of code outside of any method: the file says as much.
const TOP: [&[u8]; 2] = [b"<main>", b"<top (required)>"];

/// Functions of the interpreter; all exported.
#[derive(Clone, Copy)]
#[repr(C)]
struct Functions {
    /// Whether the calling thread belongs to it.
    is_own_thread: unsafe extern "C" fn() -> c_int,
    /// Whether that thread holds its lock; to be asked of its own threads only.
    has_lock: unsafe extern "C" fn() -> c_int,
    frames: unsafe extern "C" fn(c_int, c_int, *mut Value, *mut c_int) -> c_int,
    path: unsafe extern "C" fn(Value) -> Value,
    label: unsafe extern "C" fn(Value) -> Value,
    string_bytes: string::BytesOf,
    thread: unsafe extern "C" fn() -> Value,
}

const NAMES: [&CStr; 7] = [
    c"ruby_native_thread_p",
    c"ruby_thread_has_gvl_p",
    c"rb_profile_frames",
    c"rb_profile_frame_path",
    c"rb_profile_frame_label",
    c"rb_string_value_ptr",
    c"rb_thread_current",
];

/// One frame of `rb_profile_frames`.
struct Frame {
    method: Value,
    /// What it runs, 0 where that is not known.
    code: Value,
    number: c_int,
}

/// The file and the name of a frame, as text.
struct Rooms {
    file: Room<LONGEST_FILE>,
    name: Room<LONGEST_NAME>,
}

#[derive(Clone, Copy)]
struct Found {
    functions: Functions,
    strings: Strings,
}

static FOUND: Alone<Option<Found>> = Alone::new(None);

impl Provider for Ruby {
    fn language(&self) -> Language {
        Language::Ruby
    }

    fn mark(&self) -> &'static CStr {
        c"ruby_native_thread_p"
    }

    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines> {
        let text = memory.c_string::<24>(image.needed(memory, c"ruby_version")?)?;
        version.push(text.as_slice());
        let number = image.needed(memory, c"ruby_api_version")?;
        let (major, minor) = (memory.half(number)?, memory.half(number.wrapping_add(4))?);
        let known = VERSIONS.iter().find(|known| (known.0, known.1) == (major, minor));
        let (.., strings) = known.ok_or(NoLines::UnknownVersion)?;
        if !agrees(text.as_slice(), major, minor) {
            return Err(NoLines::UnknownBuild);
        }
        let mut wanted = [core::ptr::null::<c_void>(); NAMES.len()];
        for (slot, name) in wanted.iter_mut().zip(NAMES) {
            *slot = image.needed(memory, name)? as *const c_void;
        }
        // SAFETY: the names stand in the order of the fields, and the functions have had these types in
        // every version that is entered.
        let functions = unsafe { core::mem::transmute::<[*const c_void; 7], Functions>(wanted) };
        // SAFETY: one thread at a time detects, and nobody captures meanwhile.
        unsafe { FOUND.change(|found| *found = Some(Found { functions, strings: *strings })) };
        control::forget();
        Ok(())
    }

    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines> {
        let Some(found) = FOUND.get() else { return Err(NoLines::NoSymbols) };
        let functions = &found.functions;
        // SAFETY: looks into a slot of this thread.
        if unsafe { (functions.is_own_thread)() } == 0 {
            return Err(NoLines::NotRunning);
        }
        // SAFETY: this is one of its threads.
        if unsafe { (functions.has_lock)() } == 0 {
            return Err(NoLines::NoLock);
        }
        let mut frames = [0; FRAMES];
        let mut numbers: [c_int; FRAMES] = [0; FRAMES];
        let limit = c_int::try_from(FRAMES).unwrap_or(0);
        // SAFETY: both arrays have room for `limit`, and the lock is held.
        let count = unsafe { (functions.frames)(0, limit, frames.as_mut_ptr(), numbers.as_mut_ptr()) };
        let count = usize::try_from(count).ok().filter(|count| *count <= FRAMES);
        let frames = frames.get(..count.ok_or(NoLines::Unexpected)?).unwrap_or_default();
        let mut codes = [0; FRAMES];
        // SAFETY: returns what stands for the calling thread, which has one.
        let thread = unsafe { (functions.thread)() };
        control::codes(memory, thread, frames, &numbers, &mut codes)?;
        let mut rooms = Rooms { file: Room::new(), name: Room::new() };
        // Frames of the interpreter's own library stand in for the program's where there are none.
        for internal in [false, true] {
            for ((frame, number), code) in frames.iter().zip(&numbers).zip(&codes) {
                let frame = Frame { method: *frame, code: *code, number: *number };
                if !found.write(memory, &frame, internal, &mut rooms, lines)? {
                    return Ok(());
                }
            }
            if !lines.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl Found {
    /// Writes a frame, if it is one that is wanted; false when there is no more room.
    fn write(
        &self,
        memory: &Memory,
        frame: &Frame,
        internal: bool,
        rooms: &mut Rooms,
        lines: &mut LineWriter<'_>,
    ) -> Result<bool, NoLines> {
        if string::is_special(frame.method) {
            return Err(NoLines::Unexpected);
        }
        // A function in C has no line; neither has what stands for a library that is being opened, or
        // for the program as a whole.
        let Some(number) = u32::try_from(frame.number).ok().filter(|number| *number > 0) else {
            return Ok(true);
        };
        let code = if frame.code == 0 { frame.method } else { frame.code };
        // SAFETY: a frame of `rb_profile_frames`, or code of the same sort; the lock is held.
        let path = unsafe { (self.functions.path)(code) };
        let read = self.functions.string_bytes;
        self.strings.read(memory, read, path, &mut rooms.file)?;
        let file = &rooms.file;
        if file.as_slice().is_empty() || file.as_slice().starts_with(INTERNAL) != internal {
            return Ok(true);
        }
        // SAFETY: as above.
        let label = unsafe { (self.functions.label)(frame.method) };
        self.strings.read(memory, read, label, &mut rooms.name)?;
        let label = rooms.name.as_slice();
        let name = if TOP.contains(&label) { b"" } else { label };
        Ok(lines.push(number, file.as_slice(), name))
    }
}

/// Whether `3.1.2` begins with the numbers 3 and 1.
fn agrees(text: &[u8], major: u32, minor: u32) -> bool {
    let mut parts = text.split(|byte| *byte == b'.').map(|part| {
        let digits = part.iter().map(|byte| byte.wrapping_sub(b'0'));
        digits.fold(0u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit)))
    });
    parts.next() == Some(major) && parts.next() == Some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_of_the_version_are_one_version() {
        assert!(agrees(b"3.1.2", 3, 1));
        assert!(agrees(b"2.7.8", 2, 7));
        assert!(agrees(b"3.3", 3, 3));
        for text in [&b"3.11.2"[..], b"3.2.1", b"31.1", b"3", b"", b"three.one", b"3.1x.2"] {
            assert!(!agrees(text, 3, 1), "{}", String::from_utf8_lossy(text));
        }
    }
}
