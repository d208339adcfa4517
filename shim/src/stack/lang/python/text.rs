//! Strings, as UTF-8. Their characters have one, two or four bytes each, the fewest that do for all.

use super::super::memory::Memory;
use super::layout::{Layout, OBJECT_TYPE};
use crate::cell::Bytes;
use alive_wire::NoLines;

/// Where a string has its number of characters.
pub(super) const LENGTH: usize = 16;
/// Where a string says how its characters are kept.
pub(super) const STATE: usize = 32;

/// In the state: bytes of a character; characters right behind the head; all of them ASCII.
const KIND: u32 = 7 << 2;
const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

/// Where a type has its flags, and the one that its objects are strings.
const TYPE_FLAGS: usize = 168;
const TEXT_SUBCLASS: u32 = 1 << 28;

/// Longest text that is read, in bytes; of a longer one, the beginning.
pub(super) const LONGEST: usize = 400;

/// The text of a string object.
pub(super) fn of(layout: &Layout, memory: &Memory, object: usize) -> Result<Bytes<LONGEST>, NoLines> {
    let kind = memory.word(object.wrapping_add(OBJECT_TYPE))?;
    if kind != layout.text_type && memory.half(kind.wrapping_add(TYPE_FLAGS))? & TEXT_SUBCLASS == 0 {
        return Err(NoLines::Unexpected);
    }
    let length = memory.word(object.wrapping_add(LENGTH))?;
    let state = memory.half(object.wrapping_add(STATE))?;
    let size = match (state & KIND) >> 2 {
        size @ (1 | 2 | 4) => size,
        _ => return Err(NoLines::Unexpected),
    };
    // Objects of a class derived from strings keep their characters elsewhere.
    let characters = match (state & COMPACT != 0, state & ASCII != 0) {
        (true, true) => object.wrapping_add(layout.ascii_head),
        (true, false) => object.wrapping_add(layout.text_head),
        (false, _) => memory.word(object.wrapping_add(layout.text_head))?,
    };
    if size == 1 && state & ASCII != 0 {
        return memory.text(characters, length);
    }
    let mut text = Bytes::EMPTY;
    let mut at = characters;
    for _ in 0..length.min(LONGEST) {
        let (character, bytes) = match size {
            1 => (u32::from(memory.byte(at)?), 1),
            2 => (u32::from(memory.short(at)?), 2),
            _ => (memory.half(at)?, 4),
        };
        at = at.wrapping_add(bytes);
        if !push(&mut text, character) {
            break;
        }
    }
    Ok(text)
}

/// Appends one character, or says that there is no room.
fn push(text: &mut Bytes<LONGEST>, character: u32) -> bool {
    let mut utf8 = [0u8; 4];
    let bytes: &[u8] = match (char::from_u32(character), character) {
        (Some(character), _) => character.encode_utf8(&mut utf8).as_bytes(),
        // A byte of a path that is no UTF-8 (PEP 383).
        (None, 0xdc80..=0xdcff) => &character.to_le_bytes()[..1],
        (None, _) => "\u{fffd}".as_bytes(),
    };
    text.as_slice().len().saturating_add(bytes.len()) <= LONGEST && text.push(bytes)
}
