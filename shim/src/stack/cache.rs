//! Rows that were found before, kept without a lock.
//!
//! Most rows are of one shape: the CFA is the stack or frame pointer plus an offset, and each kept
//! register is in its own slot below it. Such a row packs into two words. An entry is those words
//! and their key xor-ed with them: a half-written entry, by another thread or by a signal handler,
//! does not match its key and is a miss, never a wrong row.

use super::cfi::{Cfa, Found, Rule};
use super::native::Memory;
use crate::arch::{FRAME_POINTER, KEPT, REGISTERS, RETURN_ADDRESS, STACK_POINTER};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Entries; 24 bytes each.
const ENTRIES: usize = 512;

/// Bytes that hold the kept registers' slots, behind the four that hold the CFA.
const SLOTS: usize = 12;

struct Entry {
    tag: AtomicU64,
    words: [AtomicU64; 2],
}

// SAFETY: ordinary zeros and numbers; layout.ld gives the section its place among the data.
#[unsafe(link_section = "tables")]
static CACHE: [Entry; ENTRIES] =
    [const { Entry { tag: AtomicU64::new(0), words: [const { AtomicU64::new(0) }; 2] } }; ENTRIES];

/// Changes when an object was unmapped: other code may lie at the same addresses afterwards.
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// Forgets every row.
pub(crate) fn forget() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A row of the common shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Simple {
    /// CFA offset divided by eight, and in the top bit whether its base is the frame pointer.
    cfa: u16,
    /// For each of [`KEPT`]: how many words below the CFA it was saved; 0 when it was not.
    slots: [u8; SLOTS],
}

const FRAME_BASED: u16 = 0x8000;

impl Simple {
    /// The packed form of a row, when it is of the common shape.
    pub(crate) fn of(found: &Found) -> Option<Self> {
        if found.signal || found.return_address != RETURN_ADDRESS {
            return None;
        }
        let Cfa::Register(base, offset) = found.row.cfa else { return None };
        let words = u16::try_from(offset.checked_div(8)?).ok()?;
        if offset.checked_rem(8)? != 0 || words >= FRAME_BASED {
            return None;
        }
        let cfa = match base {
            STACK_POINTER => words,
            FRAME_POINTER => words | FRAME_BASED,
            _ => return None,
        };
        let mut slots = [0u8; SLOTS];
        for (slot, register) in slots.iter_mut().zip(KEPT) {
            *slot = match found.row.rules.get(register)? {
                Rule::Same => 0,
                Rule::At(offset) if offset.checked_rem(8)? == 0 => {
                    u8::try_from(offset.checked_neg()?.checked_div(8)?).ok().filter(|words| *words > 0)?
                }
                _ => return None,
            };
        }
        Some(Self { cfa, slots })
    }

    /// Undoes one frame; false when its memory cannot be read.
    pub(crate) fn undo(&self, registers: &mut [u64; REGISTERS], memory: &mut Memory) -> Option<()> {
        let base = if self.cfa & FRAME_BASED == 0 { STACK_POINTER } else { FRAME_POINTER };
        let offset = u64::from(self.cfa & !FRAME_BASED).wrapping_mul(8);
        let cfa = registers.get(base)?.wrapping_add(offset);
        for (slot, register) in self.slots.iter().zip(KEPT) {
            if *slot != 0 {
                let value = memory.read(cfa.wrapping_sub(u64::from(*slot).wrapping_mul(8)))?;
                *registers.get_mut(register)? = value;
            }
        }
        *registers.get_mut(STACK_POINTER)? = cfa;
        Some(())
    }

    fn to_words(self) -> [u64; 2] {
        let mut bytes = [0u8; 16];
        let (head, tail) = bytes.split_at_mut(4);
        if let Some(cfa) = head.first_chunk_mut::<2>() {
            *cfa = self.cfa.to_le_bytes();
        }
        tail.copy_from_slice(&self.slots);
        let whole = u128::from_le_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        [whole as u64, (whole >> 64) as u64]
    }

    fn from_words([low, high]: [u64; 2]) -> Self {
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        let mut slots = [0u8; SLOTS];
        let (head, tail) = bytes.split_at(4);
        slots.copy_from_slice(tail);
        let cfa = head.first_chunk::<2>().map_or(0, |cfa| u16::from_le_bytes(*cfa));
        Self { cfa, slots }
    }
}

fn key(address: u64) -> u64 {
    address ^ u64::from(GENERATION.load(Ordering::Relaxed)) << 48
}

fn entry(address: u64) -> Option<&'static Entry> {
    let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55;
    CACHE.get(usize::try_from(hash).ok()?)
}

/// The row for an address, if it was stored.
pub(crate) fn get(address: u64) -> Option<Simple> {
    let entry = entry(address)?;
    let tag = entry.tag.load(Ordering::Relaxed);
    let [low, high] = [entry.words[0].load(Ordering::Relaxed), entry.words[1].load(Ordering::Relaxed)];
    (tag != 0 && tag ^ low ^ high == key(address)).then(|| Simple::from_words([low, high]))
}

/// Stores the row for an address.
pub(crate) fn put(address: u64, row: Simple) {
    let Some(entry) = entry(address) else { return };
    let [low, high] = row.to_words();
    entry.words[0].store(low, Ordering::Relaxed);
    entry.words[1].store(high, Ordering::Relaxed);
    entry.tag.store(key(address) ^ low ^ high, Ordering::Relaxed);
}

const _: () = assert!(KEPT.len() <= SLOTS);
const _: () = assert!(ENTRIES == 1 << (64 - 55));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was_stored_and_is_gone_after_an_unload() {
        let row = Simple { cfa: 7 | FRAME_BASED, slots: [1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12] };
        put(0x7f00_1234_5678, row);
        assert_eq!(get(0x7f00_1234_5678), Some(row));
        assert_eq!(get(0x7f00_1234_5679), None);
        forget();
        assert_eq!(get(0x7f00_1234_5678), None);
    }
}
