//! What an interpreter since 3.13 tells of its own layout, for debuggers: a table of numbers at the
//! beginning of `_PyRuntime`. The table itself looks different in each minor version.

use super::super::memory::Memory;
use super::layout::{InState, Layout, PYTHON_3_12, Position, Sizes};
use alive_wire::NoLines;

/// How the table begins.
const COOKIE: [u8; 8] = *b"xdebugpy";

/// Beyond this no offset of a structure can be.
const LARGEST: usize = 4096;

/// At which word of the table the part of a structure begins. Its first word is the structure's size.
struct Parts {
    minor: u8,
    thread_state: usize,
    frame: usize,
    code: usize,
    object: usize,
    text: usize,
    /// Size of a frame object, which it does not tell.
    frame_object: usize,
}

const KNOWN: [Parts; 2] = [
    Parts { minor: 13, thread_state: 19, frame: 28, code: 34, object: 44, text: 67, frame_object: 136 },
    Parts { minor: 14, thread_state: 22, frame: 31, code: 39, object: 50, text: 77, frame_object: 152 },
];

/// Reads the layout out of `_PyRuntime`.
///
/// # Errors
/// For a minor version whose table is not known, and for a table that is not as it should be.
pub(super) fn read(memory: &Memory, runtime: usize, minor: u8) -> Result<Layout, NoLines> {
    let parts = KNOWN.iter().find(|parts| parts.minor == minor).ok_or(NoLines::UnknownVersion)?;
    let word = |index: usize| memory.word(runtime.wrapping_add(index.wrapping_mul(8)));
    if word(0)?.to_ne_bytes() != COOKIE || word(1)? >> 16 != usize::from(minor) | 0x300 {
        return Err(NoLines::UnknownBuild);
    }
    let free_threaded = word(2)?;
    if free_threaded != 0 {
        return Err(NoLines::UnknownBuild);
    }
    let offset = |part: usize, index: usize| {
        Some(word(part.wrapping_add(index))?).filter(|offset| *offset < LARGEST).ok_or(NoLines::UnknownBuild)
    };
    // What is published is believed where it can vary, and compared where the rest relies on it.
    let same = offset(parts.object, 1)? == super::layout::OBJECT_TYPE
        && offset(parts.text, 1)? == super::text::STATE
        && offset(parts.text, 2)? == super::text::LENGTH
        && offset(parts.text, 3)? == PYTHON_3_12.ascii_head;
    if !same {
        return Err(NoLines::UnknownBuild);
    }
    // Code ends with its instructions.
    let code_size = offset(parts.code, 9)?;
    Ok(Layout {
        state_frame: InState::At(offset(parts.thread_state, 4)?),
        frame_back: offset(parts.frame, 1)?,
        frame_code: offset(parts.frame, 2)?,
        frame_owner: Some(offset(parts.frame, 5)?),
        position: Position::Pointer { at: offset(parts.frame, 3)?, instructions: code_size },
        // Since 3.14 the lowest bits say who counts the reference.
        tags: if minor < 14 { 0 } else { 7 },
        code_file: offset(parts.code, 1)?,
        code_name: offset(parts.code, 2)?,
        code_lines: offset(parts.code, 4)?,
        code_first_line: offset(parts.code, 5)?,
        sizes: Sizes { frame: parts.frame_object, code: code_size, text: PYTHON_3_12.sizes.text },
        ..PYTHON_3_12
    })
}
