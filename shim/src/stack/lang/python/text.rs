//! Strings, as UTF-8. Their characters have one, two or four bytes each, the fewest that do for all.

use super::super::memory::Memory;
use super::layout::{Layout, OBJECT_TYPE};
use crate::cell::copy;
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

/// The text of a string object, in room that serves one after another.
pub(super) struct Text {
    /// The object that was read last; 0 when it could not be.
    object: usize,
    bytes: [u8; LONGEST],
    len: usize,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { object: 0, bytes: [0; LONGEST], len: 0 }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Reads a string. Nobody changes one, so the same object again is not read again.
    pub(super) fn read(&mut self, layout: &Layout, memory: &Memory, object: usize) -> Result<(), NoLines> {
        if object == self.object {
            return Ok(());
        }
        self.object = 0;
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
        self.len = 0;
        if size == 1 && state & ASCII != 0 {
            let into = self.bytes.get_mut(..length.min(LONGEST)).unwrap_or_default();
            memory.copy(characters, into)?;
            self.len = into.len();
        } else {
            self.encode(memory, characters, length, size)?;
        }
        self.object = object;
        Ok(())
    }

    /// Reads characters of so many bytes each.
    fn encode(&mut self, memory: &Memory, at: usize, length: usize, size: u32) -> Result<(), NoLines> {
        let mut at = at;
        for _ in 0..length.min(LONGEST) {
            let (character, bytes) = match size {
                1 => (u32::from(memory.byte(at)?), 1),
                2 => (u32::from(memory.short(at)?), 2),
                _ => (memory.half(at)?, 4),
            };
            at = at.wrapping_add(bytes);
            if !self.push(character) {
                break;
            }
        }
        Ok(())
    }

    /// Appends one character, or says that there is no room.
    fn push(&mut self, character: u32) -> bool {
        let mut utf8 = [0u8; 4];
        let bytes: &[u8] = match (char::from_u32(character), character) {
            (Some(character), _) => character.encode_utf8(&mut utf8).as_bytes(),
            // A byte of a path that is no UTF-8 (PEP 383).
            (None, 0xdc80..=0xdcff) => &character.to_le_bytes()[..1],
            (None, _) => "\u{fffd}".as_bytes(),
        };
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let fits = bytes.len() <= room.len();
        if fits {
            self.len = self.len.saturating_add(copy(room, bytes));
        }
        fits
    }
}
