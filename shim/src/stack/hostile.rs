//! Unwind tables of random bytes: whatever they say, the walk ends, and nothing but the tables and
//! readable memory is touched. The tables lie between two pages that fault.

use super::bytes::{Cursor, Tables};
use super::native::{Memory, apply};
use super::{cfi, expression};
use crate::arch::REGISTERS;

/// Rounds of each test; the whole takes well under a second.
const ROUNDS: u64 = 20_000;

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 32).unwrap() % end
    }

    /// Bytes as they come, or of the kind that instructions and operands are made of.
    fn fill(&mut self, bytes: &mut [u8]) {
        let kind = self.below(3);
        for byte in bytes {
            let [any, small, ..] = self.next().to_le_bytes();
            *byte = match kind {
                0 => any,
                1 => small % 0x18,
                _ => [0x06, 0x0f, 0x10, 0x12, 0x16, 0x77, 0x80, 0xff, any][usize::from(small % 9)],
            };
        }
    }
}

const PAGE: usize = 4096;

/// The middle one of three pages; the others cannot be touched.
fn fenced() -> &'static mut [u8; PAGE] {
    let (none, both) = (libc::PROT_NONE, libc::PROT_READ | libc::PROT_WRITE);
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh mapping aliases nothing.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), 3 * PAGE, none, private, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    let page = start.wrapping_byte_add(PAGE);
    // SAFETY: the page lies within the mapping that was just made.
    assert_eq!(unsafe { libc::mprotect(page, PAGE, both) }, 0);
    // SAFETY: mapped for reading and writing, never unmapped, and handed out once.
    unsafe { &mut *page.cast::<[u8; PAGE]>() }
}

/// A header with one entry, a CIE and an FDE that covers the whole page: what a linker would write.
fn whole_tables() -> Vec<u8> {
    let mut tables = vec![1, 0x1b, 0x03, 0x3b];
    for word in [20i32, 1, 0, 44] {
        tables.extend(word.to_le_bytes());
    }
    tables.extend([0; 4]);
    // The CIE at 24: "zR", factors 1 and -8, return address in column 16, CFA = rsp+8, ra at CFA-8.
    tables.extend(16u32.to_le_bytes());
    tables.extend([0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8]);
    // The FDE at 44: back to the CIE, from the header on, 4096 bytes, no augmentation, a program.
    tables.extend(40u32.to_le_bytes());
    tables.extend(24u32.to_le_bytes());
    tables.extend((-52i32).to_le_bytes());
    tables.extend(4096u32.to_le_bytes());
    tables.extend([0, 0x90, 1]);
    tables.resize(88, 0);
    tables
}

#[test]
fn whole_tables_give_their_row() {
    let page = fenced();
    let tables = whole_tables();
    page[..tables.len()].copy_from_slice(&tables);
    let start = page.as_ptr() as u64;
    let found = cfi::look_up(&Tables::over(page, 0), start + 100).expect("the tables are whole");
    let mut registers = [0u64; REGISTERS];
    let stack = [0u64, 42];
    registers[7] = &raw const stack as u64 + 8;
    registers[16] = 1;
    assert_eq!(apply(&found, &mut registers, &mut Memory::nowhere()), Some(()));
    assert_eq!(registers[16], 42, "the return address is below the CFA");
}

#[test]
fn random_tables_end_the_walk_and_not_the_program() {
    let page = fenced();
    let mut random = Random(1);
    let mut rows = 0;
    for round in 0..ROUNDS {
        let tables = whole_tables();
        // At the page's end, so that one byte too many faults.
        let at = if round % 2 == 0 { PAGE - tables.len() } else { 0 };
        if round % 64 == 0 {
            random.fill(page);
        }
        page[at..at + tables.len()].copy_from_slice(&tables);
        // The longer the walk gets before it meets damage, the more of the code is seen.
        let harm = [0..tables.len(), 24..tables.len(), 44..tables.len(), 60..tables.len()];
        let range = harm[random.below(harm.len())].clone();
        for _ in 0..=random.below(12) {
            let byte = at + range.start + random.below(range.len());
            let mut fresh = [0];
            random.fill(&mut fresh);
            page[byte] = fresh[0];
        }
        let address = page.as_ptr() as u64 + random.next() % 4096;
        if let Some(found) = cfi::look_up(&Tables::over(page, at), address) {
            let mut registers = [(); REGISTERS].map(|()| match random.below(3) {
                0 => random.next(),
                1 => page.as_ptr() as u64 + random.next() % 8192,
                _ => random.next() % 64,
            });
            rows += u32::from(apply(&found, &mut registers, &mut Memory::nowhere()).is_some());
        }
    }
    assert!(rows > 100, "only {rows} rows came out: the damage is too great to test anything");
}

#[test]
fn random_expressions_end() {
    let page = fenced();
    let mut random = Random(2);
    let mut values = 0;
    for _ in 0..ROUNDS {
        let length = 1 + random.below(24);
        random.fill(&mut page[PAGE - length..]);
        let tables = Tables::over(page, 0);
        let code = Cursor::new(&tables, page.as_ptr() as usize + PAGE - length).unwrap();
        let mut registers = [0u64; REGISTERS];
        registers.fill_with(|| random.next());
        let initial = (random.below(2) == 0).then(|| random.next());
        let value = expression::evaluate(code, &registers, initial, &mut Memory::nowhere());
        values += u32::from(value.is_some());
    }
    assert!(values > 100, "only {values} expressions had a value");
}
