//! The lines of one stack, kept packed until they are told.

use crate::cell::Bytes;
use alive_wire::{Language, LanguageStack, NoLines};

/// Bytes of lines that a stack may have when it is told at once.
pub(crate) const ROOM: usize = 640;

/// Lines of an interpreted language, innermost first, or why there are none. All zeros is neither.
#[derive(Clone, Copy)]
pub(crate) struct Lines<const N: usize> {
    language: u8,
    no_lines: u8,
    /// The outermost frames were left out.
    pub(crate) cut: bool,
    packed: Bytes<N>,
}

impl<const N: usize> Lines<N> {
    /// No interpreter had a part in it.
    pub(crate) const NONE: Self = Self { language: 0, no_lines: 0, cut: false, packed: Bytes::EMPTY };

    /// Packed frames.
    pub(crate) fn of(language: Language, packed: &[u8], cut: bool) -> Self {
        Self { language: language.byte(), no_lines: 0, cut, packed: Bytes::of(packed) }
    }

    /// An interpreter had a part in it, and its lines cannot be read.
    pub(crate) fn unread(language: Language, why: NoLines) -> Self {
        Self { language: language.byte(), no_lines: why.byte(), ..Self::NONE }
    }

    /// The frames.
    pub(crate) fn stack(&self) -> LanguageStack<'_> {
        LanguageStack { language: Language::from_byte(self.language), packed: self.packed.as_slice() }
    }

    /// Whose lines could not be read, and why.
    pub(crate) fn why_none(&self) -> Option<(Language, NoLines)> {
        Some((Language::from_byte(self.language)?, NoLines::from_byte(self.no_lines)?))
    }

    /// The innermost of them, in less room.
    pub(crate) fn shortened<const M: usize>(&self) -> Lines<M> {
        let fitting = self.stack().fitting(M);
        let packed = self.packed.as_slice();
        Lines {
            language: self.language,
            no_lines: self.no_lines,
            cut: self.cut || fitting < packed.len(),
            packed: Bytes::of(packed.get(..fitting).unwrap_or_default()),
        }
    }
}
