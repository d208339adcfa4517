//! Shared objects whose unwind tables were damaged, and nothing else of them.
//!
//! The dynamic linker only notes where the tables are; what is in them concerns the one who walks
//! the stack. So a damaged object loads and works as before.

use std::ops::Range;
use std::path::Path;

use object::{Object, ObjectSection};

/// An object file and where its unwind tables are in it.
#[derive(Debug)]
pub struct Target {
    bytes: Vec<u8>,
    /// `.eh_frame_hdr`: a short head, then pairs of 32-bit offsets to a function and its description.
    header: Range<usize>,
    /// `.eh_frame`: the descriptions.
    frames: Range<usize>,
}

/// Bytes of `.eh_frame_hdr` before its table.
const HEAD: usize = 12;

impl Target {
    /// Reads an object file.
    ///
    /// # Panics
    /// When it cannot be read or has no unwind tables.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("the library was built");
        let file = object::File::parse(&*bytes).expect("an object file");
        let range = |name: &str| {
            let section =
                file.section_by_name(name).unwrap_or_else(|| panic!("{name} of {}", path.display()));
            let (at, length) = section.file_range().expect("the tables are in the file");
            let [at, length] = [at, length].map(|number| usize::try_from(number).expect("a small file"));
            at..at + length
        };
        let (header, frames) = (range(".eh_frame_hdr"), range(".eh_frame"));
        Self { bytes, header, frames }
    }

    /// Writes a copy that is damaged in a way of its own for each seed.
    ///
    /// # Panics
    /// When the copy cannot be written.
    pub fn write_damaged(&self, seed: u64, copy: &Path) {
        let mut bytes = self.bytes.clone();
        let mut random = Random::new(seed);
        let table = self.header.start + HEAD..self.header.end;
        match seed % 10 {
            // The head: version, encodings, the number of entries.
            0 => damage(&mut bytes[self.header.start..table.start], &mut random, 1),
            1 => damage(&mut bytes[self.header.start + 8..table.start], &mut random, 4),
            // The table's offsets lead to any place near the object, or far from it.
            2 => damage(&mut bytes[table], &mut random, 64),
            3 => scatter(&mut bytes[table], &mut random, 0xffff),
            4 => scatter(&mut bytes[table], &mut random, u32::MAX),
            5 => bytes[table].fill(random.byte()),
            // The descriptions: a bit, a few bytes, all.
            6 => damage(&mut bytes[self.frames.clone()], &mut random, 1),
            7 => damage(&mut bytes[self.frames.clone()], &mut random, 6),
            8 => damage(&mut bytes[self.frames.clone()], &mut random, 300),
            _ => bytes[self.frames.clone()].fill(random.byte()),
        }
        std::fs::write(copy, bytes).expect("a damaged copy");
    }
}

/// Moves the program headers of a 64-bit object behind everything that is mapped, as tools do that
/// make room for one more.
///
/// # Panics
/// When the file is no such object or cannot be written.
pub fn move_program_headers(path: &Path) {
    const OFFSET: Range<usize> = 0x20..0x28;
    const SIZE: usize = 0x36;
    const COUNT: usize = 0x38;
    let mut bytes = std::fs::read(path).expect("a library");
    let at = u64::from_le_bytes(bytes[OFFSET].try_into().expect("eight bytes"));
    let at = usize::try_from(at).expect("a small file");
    let headers = usize::from(bytes[SIZE]) * usize::from(bytes[COUNT]);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let moved = bytes.len();
    bytes.extend_from_within(at..at + headers);
    bytes[at..at + headers].fill(0);
    bytes[OFFSET].copy_from_slice(&u64::try_from(moved).expect("a small file").to_le_bytes());
    std::fs::write(path, bytes).expect("the same library");
}

/// Overwrites `count` bytes of a range.
fn damage(range: &mut [u8], random: &mut Random, count: usize) {
    for _ in 0..count {
        let at = random.below(range.len());
        // An extreme value is where a length or an offset hurts most.
        range[at] = match random.below(3) {
            0 => 0xff,
            1 => 0x7f,
            _ => random.byte(),
        };
    }
}

/// Puts numbers up to `most` into the second word of each pair: where a function's description is.
fn scatter(table: &mut [u8], random: &mut Random, most: u32) {
    for entry in table.chunks_exact_mut(8) {
        let offset = random.next().to_le_bytes();
        let mask = most.to_le_bytes();
        for (slot, (byte, mask)) in entry[4..].iter_mut().zip(offset.into_iter().zip(mask)) {
            *slot = byte & mask;
        }
    }
}

/// xorshift64*: the same numbers for the same seed.
struct Random(u64);

impl Random {
    const fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % end
    }
}
