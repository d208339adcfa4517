//! Symbols of one mapped object, found through its own hash table.
//!
//! `dlsym` takes a lock and, where it finds nothing, allocates; this does neither, so an interpreter
//! can be recognised whenever it shows up, in a hook too, and whatever scope it was opened in.

use super::memory::Memory;
use crate::stack::object;
use alive_wire::NoLines;
use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_GNU_HASH: usize = 0x6fff_fef5;

/// Entries of a dynamic section, names of a hash chain and bytes of a name that are followed at most.
const LONGEST: usize = 512;

const STT_TLS: u8 = 6;
const STT_GNU_IFUNC: u8 = 10;

/// The program's own dynamic section and load bias: a variable that it copied out of a library lies there.
static PROGRAM: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// A mapped object and where its symbols are.
#[derive(Clone, Copy)]
pub(crate) struct Image {
    /// First mapped address.
    pub(crate) start: usize,
    /// Behind the last mapped address.
    pub(crate) end: usize,
    bias: usize,
    strings: usize,
    symbols: usize,
    hashes: usize,
}

impl Image {
    /// The object with this dynamic section and load bias.
    pub(crate) fn of(memory: &Memory, dynamic: usize, bias: usize) -> Option<Self> {
        let mut image = Self { start: 0, end: 0, bias, strings: 0, symbols: 0, hashes: 0 };
        let mut at = dynamic;
        for _ in 0..LONGEST {
            let value = memory.word(at.wrapping_add(8)).ok()?;
            match memory.word(at).ok()? {
                0 => break,
                DT_STRTAB => image.strings = image.placed(value),
                DT_SYMTAB => image.symbols = image.placed(value),
                DT_GNU_HASH => image.hashes = image.placed(value),
                _ => {}
            }
            at = at.wrapping_add(16);
        }
        (image.hashes != 0 && image.symbols != 0 && image.strings != 0).then_some(image)
    }

    /// Notes where the program itself is.
    pub(crate) fn note_program(dynamic: usize, bias: usize) {
        let [own_dynamic, own_bias] = &PROGRAM;
        own_bias.store(bias, Ordering::Relaxed);
        own_dynamic.store(dynamic, Ordering::Relaxed);
    }

    /// Finds out which addresses it has.
    pub(crate) fn find_range(&mut self) -> Option<()> {
        let found = object::find(self.symbols as u64)?;
        self.start = found.start;
        self.end = found.end;
        Some(())
    }

    /// The linker adds the load bias to most objects' dynamic sections, but not to the kernel's own.
    fn placed(&self, address: usize) -> usize {
        if address < self.bias { address.wrapping_add(self.bias) } else { address }
    }

    /// Where a function or variable is that the program uses by this name: its own copy first.
    pub(crate) fn symbol(&self, memory: &Memory, name: &CStr) -> Option<usize> {
        let [dynamic, bias] = &PROGRAM;
        let dynamic = dynamic.load(Ordering::Relaxed);
        let program =
            (dynamic != 0).then(|| Self::of(memory, dynamic, bias.load(Ordering::Relaxed))).flatten();
        program.and_then(|program| program.exported(memory, name)).or_else(|| self.exported(memory, name))
    }

    /// Likewise, where the interpreter is of no use without it.
    ///
    /// # Errors
    /// [`NoLines::NoSymbols`] where it is not exported.
    pub(crate) fn needed(&self, memory: &Memory, name: &CStr) -> Result<usize, NoLines> {
        self.symbol(memory, name).ok_or(NoLines::NoSymbols)
    }

    /// Where a function or variable is that this object exports.
    pub(crate) fn exported(&self, memory: &Memory, name: &CStr) -> Option<usize> {
        let name = name.to_bytes();
        let wanted = gnu_hash(name);
        let mut head = [0u32; 4];
        for (slot, index) in head.iter_mut().zip(0usize..) {
            *slot = memory.half(self.hashes.wrapping_add(index.wrapping_mul(4))).ok()?;
        }
        let [buckets, first, words, shift] = head;
        let word_index = usize::try_from((wanted / 64).checked_rem(words)?).ok()?;
        let filter = self.hashes.wrapping_add(16);
        let word = memory.word(filter.wrapping_add(word_index.wrapping_mul(8))).ok()?;
        let bit = |hash: u32| 1usize.checked_shl(hash % 64).unwrap_or(0);
        if word & bit(wanted) == 0 || word & bit(wanted.checked_shr(shift).unwrap_or(0)) == 0 {
            return None;
        }
        let bucket_at = filter.wrapping_add(usize::try_from(words).ok()?.wrapping_mul(8));
        let bucket = usize::try_from(wanted.checked_rem(buckets)?).ok()?;
        let mut index = memory.half(bucket_at.wrapping_add(bucket.wrapping_mul(4))).ok()?;
        let chain = bucket_at.wrapping_add(usize::try_from(buckets).ok()?.wrapping_mul(4));
        for _ in 0..LONGEST {
            let link = usize::try_from(index.checked_sub(first)?).ok()?;
            let hash = memory.half(chain.wrapping_add(link.wrapping_mul(4))).ok()?;
            if hash | 1 == wanted | 1
                && let Some(address) = self.entry(memory, index, name)
            {
                return Some(address);
            }
            if hash & 1 == 1 {
                return None;
            }
            index = index.checked_add(1)?;
        }
        None
    }

    /// The address in a symbol, if it bears this name and has one.
    fn entry(&self, memory: &Memory, index: u32, name: &[u8]) -> Option<usize> {
        let entry = self.symbols.wrapping_add(usize::try_from(index).ok()?.wrapping_mul(24));
        let kind = memory.byte(entry.wrapping_add(4)).ok()? & 15;
        let section = memory.short(entry.wrapping_add(6)).ok()?;
        if section == 0 || kind == STT_TLS || kind == STT_GNU_IFUNC {
            return None;
        }
        let at = self.strings.wrapping_add(usize::try_from(memory.half(entry).ok()?).ok()?);
        for (index, expected) in (0usize..).zip(name.iter().chain(&[0])) {
            if memory.byte(at.wrapping_add(index)).ok()? != *expected {
                return None;
            }
        }
        Some(self.bias.wrapping_add(memory.word(entry.wrapping_add(8)).ok()?))
    }
}

/// The hash that names have in a `.gnu.hash` section.
const fn gnu_hash(name: &[u8]) -> u32 {
    let mut hash = 5381u32;
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        hash = hash.wrapping_mul(33).wrapping_add(*byte as u32);
        rest = tail;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libc_exports_what_dlsym_finds_in_it() {
        object::begin();
        let memory = Memory::checked();
        let libc = object::find(libc::dlerror as *const () as u64).unwrap();
        // SAFETY: libc's link map stays for good.
        let map = unsafe { &*libc.link_map };
        let mut image = Image::of(&memory, map.dynamic as usize, map.bias).unwrap();
        image.find_range().unwrap();
        assert_eq!(image.start, libc.start);
        for name in [c"dlerror", c"environ", c"pthread_atfork_that_is_nowhere", c"qsort", c"stdout"] {
            // SAFETY: a C string, and the default scope.
            let expected = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) } as usize;
            let found = image.exported(&memory, name).unwrap_or(0);
            assert_eq!(found, expected, "{name:?}");
        }
    }
}
