//! Room for one text after another: frames of one stack often have the same, and room that is made once
//! need not be cleared for each.

use super::memory::Memory;
use crate::cell::copy;
use alive_wire::NoLines;

/// A text that was read, and of what.
pub(super) struct Room<const N: usize> {
    /// The object that the text is of; 0 while there is none.
    of: usize,
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Room<N> {
    pub(super) const fn new() -> Self {
        Self { of: 0, bytes: [0; N], len: 0 }
    }

    /// Whether the text is of this object. Nobody changes it while its thread stands here.
    pub(super) const fn is_of(&self, object: usize) -> bool {
        object != 0 && self.of == object
    }

    /// Begins the text of an object.
    pub(super) const fn begin(&mut self) {
        self.of = 0;
        self.len = 0;
    }

    /// The text is complete.
    pub(super) const fn end(&mut self, object: usize) {
        self.of = object;
    }

    /// Appends a text of a known length, as much of it as there is room for.
    ///
    /// # Errors
    /// [`NoLines::Unexpected`] where nothing can be.
    pub(super) fn append_from(&mut self, memory: &Memory, at: usize, length: usize) -> Result<(), NoLines> {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let wanted = length.min(room.len());
        memory.copy(at, room.get_mut(..wanted).unwrap_or_default())?;
        self.len = self.len.saturating_add(wanted);
        Ok(())
    }

    /// Appends, as much as there is room for.
    pub(super) fn append(&mut self, text: &[u8]) {
        self.len = self.len.saturating_add(copy(self.bytes.get_mut(self.len..).unwrap_or_default(), text));
    }

    /// Ends the text before its first zero byte.
    pub(super) fn cut_at_zero(&mut self) {
        self.len = self.as_slice().iter().position(|byte| *byte == 0).unwrap_or(self.len);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_the_room_does() {
        let memory = Memory::direct();
        let mut room = Room::<8>::new();
        assert!(!room.is_of(0) && !room.is_of(5));
        room.begin();
        room.append_from(&memory, b"Cart\0more".as_ptr() as usize, 9).unwrap();
        room.cut_at_zero();
        room.append(b"::total");
        room.end(5);
        assert!(room.is_of(5) && !room.is_of(0));
        assert_eq!(room.as_slice(), b"Cart::to");
        room.begin();
        assert_eq!(room.append_from(&memory, 1, 1), Err(NoLines::Unexpected));
        assert!(!room.is_of(5));
    }
}
