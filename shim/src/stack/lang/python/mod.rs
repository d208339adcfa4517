//! `CPython` 3.8 to 3.14, as it is built everywhere: with the lock, without counts for debugging.
//!
//! Python opens files with its lock released, so nothing of the interpreter's is called but the
//! function that looks the thread's own state up. From that state hang the frames, innermost first,
//! and from each its code: file, function and the table from instructions to lines. All of this
//! belongs to the thread that stands in the hook, so no other one changes it meanwhile.
//!
//! [`layout`] says where things are, by tables up to 3.12 and from 3.13 on by what the interpreter
//! itself publishes ([`debug_offsets`]); [`text`] reads strings, [`mod@line`] the tables of lines.
//! [`current`] knows better than the thread's own state which interpreter runs, where there are
//! several in one process.
//!
//! Between a file that is imported and the statement that imports it lie half a dozen frames of
//! `importlib`, the same for every import. They are left out where any other frame follows: they
//! say nothing and would take the room of those that do.

pub(crate) mod current;
mod debug_offsets;
mod layout;
mod line;
#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
mod text;
mod version;

use super::image::Image;
use super::memory::Memory;
use super::{Provider, Version};
use crate::cell::Alone;
use alive_wire::{Language, LineWriter, NoLines};
use core::ffi::CStr;
use layout::Layout;
use text::Text;

/// `CPython`.
pub(super) struct Python;

/// Frames that are followed, those left out included.
const DEEPEST: usize = 512;

/// Behind this begin the owners of frames that run no Python code: entries into the interpreter.
const LAST_OWNER: u8 = 2;
/// The last owner there is.
const LAST_KNOWN_OWNER: u8 = 4;

/// How the files of the import system itself begin, which is compiled into the interpreter.
const MACHINERY: &[u8] = b"<frozen importlib";

/// What only builds with counts for debugging export, by both of their names.
const DEBUGGING: [&CStr; 2] = [c"_Py_NegativeRefcount", c"_Py_AddToAllObjects"];

/// Looks up a thread state; takes no lock.
type GetState = unsafe extern "C" fn() -> usize;

#[derive(Clone, Copy)]
struct Found {
    layout: Layout,
    /// The state that the calling thread had first.
    own_state: GetState,
    /// The state that holds the interpreter's lock, whichever thread's it is.
    running_state: GetState,
}

static FOUND: Alone<Option<Found>> = Alone::new(None);

impl Provider for Python {
    fn language(&self) -> Language {
        Language::Python
    }

    fn mark(&self) -> &'static CStr {
        c"PyGILState_GetThisThreadState"
    }

    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines> {
        let minor = version::read(image, memory, version)?;
        if DEBUGGING.iter().any(|name| image.symbol(memory, name).is_some()) {
            return Err(NoLines::UnknownBuild);
        }
        let code_type = image.needed(memory, c"PyCode_Type")?;
        let text_type = image.needed(memory, c"PyUnicode_Type")?;
        let layout = match layout::of(minor) {
            Some(layout) => *layout,
            None => debug_offsets::read(memory, image.needed(memory, c"_PyRuntime")?, minor)?,
        };
        let frame_type = image.needed(memory, c"PyFrame_Type")?;
        if !layout.sizes.agree(memory, frame_type, code_type, text_type) {
            return Err(NoLines::UnknownBuild);
        }
        let own_state = image.needed(memory, self.mark())?;
        let running_state = image
            .symbol(memory, c"_PyThreadState_UncheckedGet")
            // Its name since 3.13.
            .or_else(|| image.symbol(memory, c"PyThreadState_GetUnchecked"))
            .ok_or(NoLines::NoSymbols)?;
        let found = Found {
            layout: Layout { code_type, text_type, ..layout },
            own_state: getter(own_state),
            running_state: getter(running_state),
        };
        // SAFETY: one thread at a time detects, and nobody captures meanwhile.
        unsafe { FOUND.change(|slot| *slot = Some(found)) };
        Ok(())
    }

    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines> {
        let Some(found) = FOUND.get() else { return Err(NoLines::NoSymbols) };
        let state = match current::take() {
            current::State::Noted(state) => state,
            current::State::AnotherOne => return Err(NoLines::NotRunning),
            // SAFETY: takes nothing, and reads a slot of the calling thread.
            current::State::TheThreadsOwn => unsafe { (found.own_state)() },
        };
        write_stack(&found.layout, memory, state, lines)
    }
}

/// A function of the interpreter's that returns the address of a thread state.
fn getter(address: usize) -> GetState {
    // SAFETY: both functions that are looked up have had this type since 3.8.
    unsafe { core::mem::transmute::<*const (), GetState>(address as *const ()) }
}

/// Writes the frames of a thread, innermost first.
fn write_stack(
    layout: &Layout,
    memory: &Memory,
    state: usize,
    lines: &mut LineWriter<'_>,
) -> Result<(), NoLines> {
    if state == 0 {
        return Err(NoLines::NotRunning);
    }
    if write_frames(layout, memory, state, lines, false)? {
        return Ok(());
    }
    write_frames(layout, memory, state, lines, true).map(|_| ())
}

/// Writes frames with or without those of the import system; false when there was none.
fn write_frames(
    layout: &Layout,
    memory: &Memory,
    state: usize,
    lines: &mut LineWriter<'_>,
    machinery: bool,
) -> Result<bool, NoLines> {
    let mut wrote = false;
    let (mut file, mut function) = (Text::new(), Text::new());
    let mut frame = layout.innermost(memory, state)?;
    for _ in 0..DEEPEST {
        if frame == 0 {
            break;
        }
        if runs_code(layout, memory, frame)? {
            let code = memory.word(frame.wrapping_add(layout.frame_code))? & !layout.tags;
            if memory.word(code.wrapping_add(layout::OBJECT_TYPE))? != layout.code_type {
                return Err(NoLines::Unexpected);
            }
            file.read(layout, memory, memory.word(code.wrapping_add(layout.code_file))?)?;
            if machinery || !file.as_slice().starts_with(MACHINERY) {
                wrote = true;
                function.read(layout, memory, memory.word(code.wrapping_add(layout.code_name))?)?;
                let line = line::of(layout, memory, frame, code)?;
                if !lines.push(line, file.as_slice(), function.as_slice()) {
                    break;
                }
            }
        }
        frame = memory.word(frame.wrapping_add(layout.frame_back))?;
    }
    Ok(wrote)
}

/// Whether a frame is one of Python code, and not of an entry into the interpreter.
fn runs_code(layout: &Layout, memory: &Memory, frame: usize) -> Result<bool, NoLines> {
    let Some(owner) = layout.frame_owner else { return Ok(true) };
    match memory.byte(frame.wrapping_add(owner))? {
        owner if owner > LAST_KNOWN_OWNER => Err(NoLines::Unexpected),
        owner => Ok(owner <= LAST_OWNER),
    }
}
