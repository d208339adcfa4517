//! Where the engine keeps what it runs: found by what it says.

use super::Said;
use super::frames::{Frame, own_code};
use crate::stack::lang::memory::Memory;
use alive_wire::NoLines;
use core::sync::atomic::{AtomicU32, Ordering};

/// Bytes of `executor_globals` that are searched. It has 1,600 to 1,900 in the versions that are read,
/// and the pointer that is searched for stands in the first third.
const GLOBALS: usize = 1024;

/// Where the file's name may be in a `zend_op_array`: behind the fields that every function has.
const FILE: core::ops::Range<usize> = 64..256;

/// Searches that may end in vain before the place is given up.
const SEARCHES: u32 = 8;

/// Frames between a candidate and the first one that is PHP's own code.
const NEAR: usize = 64;

/// Both offsets when they were found; up to [`SEARCHES`], how often they were not.
static OFFSETS: AtomicU32 = AtomicU32::new(0);

/// Where the innermost frame hangs, and where a frame's file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Address of the pointer to the innermost frame.
    current: usize,
    /// Offset of its file in what a frame runs, in bytes.
    file: usize,
}

impl Place {
    /// Another engine came.
    pub(super) fn forget() {
        OFFSETS.store(0, Ordering::Relaxed);
    }

    /// The place as it was found before, or is found now; children inherit it.
    pub(super) fn known_or_found(globals: usize, said: &Said) -> Option<Self> {
        let known = OFFSETS.load(Ordering::Relaxed);
        if known > SEARCHES {
            let [current, file] = [known >> 16, known & 0xffff].map(usize::try_from);
            return Some(Self { current: globals.wrapping_add(current.ok()?), file: file.ok()? });
        }
        if known == SEARCHES {
            return None;
        }
        let Some((current, file)) = search(globals, said) else {
            OFFSETS.store(known.saturating_add(1), Ordering::Relaxed);
            return None;
        };
        let offsets = u32::try_from(current).ok()?.checked_shl(16)? | u32::try_from(file).ok()?;
        OFFSETS.store(offsets, Ordering::Relaxed);
        Some(Self { current: globals.wrapping_add(current), file })
    }

    /// The innermost frame of PHP's own code, if it is the one that the engine named.
    pub(super) fn first(self, memory: &Memory, said: &Said) -> Result<Option<Frame>, NoLines> {
        let Some(frame) = own_code(memory, memory.word(self.current)?, NEAR)? else { return Ok(None) };
        let agrees = frame.line == said.line && self.file_of(memory, &frame)? == said.file;
        Ok(agrees.then_some(frame))
    }

    /// Address of the `zend_string` with a frame's file.
    pub(super) fn file_of(self, memory: &Memory, frame: &Frame) -> Result<usize, NoLines> {
        memory.word(frame.function.wrapping_add(self.file))
    }
}

/// Looks at each pointer of the globals as if it were the one to the innermost frame. Many are none at
/// all, so every page is asked for before it is read.
fn search(globals: usize, said: &Said) -> Option<(usize, usize)> {
    let memory = Memory::checked();
    (0..GLOBALS).step_by(8).find_map(|current| {
        let candidate = memory.word(globals.wrapping_add(current)).ok()?;
        let frame = own_code(&memory, candidate, NEAR).ok().flatten()?;
        if frame.line != said.line {
            return None;
        }
        let is_file = |offset: &usize| memory.word(frame.function.wrapping_add(*offset)) == Ok(said.file);
        FILE.step_by(8).find(is_file).map(|file| (current, file))
    })
}
