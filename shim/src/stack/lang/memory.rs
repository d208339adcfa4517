//! Reads of an interpreter's memory.
//!
//! Layouts are known by version, and a version can lie: a distributor's patch, a build option. So
//! the first stack of each process is read checked, every page asked for before it is touched; where
//! that goes well, later stacks are read directly. Either way an address that cannot be one ends the
//! reading. What is read belongs to the calling thread, which stands in a hook meanwhile, so that
//! nobody changes or frees it. An object that another thread may unmap at any moment is read through the
//! kernel, which says so instead of faulting.

use crate::cell::Bytes;
use crate::sys;
use alive_wire::NoLines;
use core::cell::Cell;

const PAGE: usize = 4096;

/// Behind the last address of a process.
const END: usize = 1 << 47;

/// How memory is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Checked,
    /// By the kernel, for the process with this pid, which is this one.
    Kernel(u32),
}

/// Access to the memory of this process.
pub(crate) struct Memory {
    way: Way,
    /// The page that was found readable last.
    readable: Cell<usize>,
}

impl Memory {
    /// Every page is asked for.
    pub(crate) const fn checked() -> Self {
        Self { way: Way::Checked, readable: Cell::new(0) }
    }

    /// Addresses are believed, within reason.
    pub(crate) const fn direct() -> Self {
        Self { way: Way::Direct, readable: Cell::new(0) }
    }

    /// The kernel reads: what is read may be unmapped meanwhile.
    pub(crate) fn through_the_kernel() -> Self {
        Self { way: Way::Kernel(sys::getpid()), readable: Cell::new(0) }
    }

    /// Whether nothing in this process was read like this before: structures are to be looked at twice.
    pub(crate) const fn is_checked(&self) -> bool {
        !matches!(self.way, Way::Direct)
    }

    /// Copies from an address.
    ///
    /// # Errors
    /// [`NoLines::Unexpected`] where nothing can be.
    #[inline]
    pub(crate) fn copy(&self, address: usize, into: &mut [u8]) -> Result<(), NoLines> {
        let end = address.checked_add(into.len()).ok_or(NoLines::Unexpected)?;
        if address < PAGE || end > END {
            return Err(NoLines::Unexpected);
        }
        match self.way {
            Way::Direct => {}
            Way::Checked => self.ask(address, end)?,
            Way::Kernel(pid) => {
                let whole = sys::copy_if_mapped(pid, address, into) == into.len();
                return if whole { Ok(()) } else { Err(NoLines::Unexpected) };
            }
        }
        // SAFETY: the range is of the process's own memory, was found readable in a process that had
        // not read by this layout yet, and nobody unmaps it while its thread stands here.
        unsafe { core::ptr::copy_nonoverlapping(address as *const u8, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Asks the kernel for each page of a range.
    #[cold]
    fn ask(&self, address: usize, end: usize) -> Result<(), NoLines> {
        let mut page = address & !PAGE.wrapping_sub(1);
        while page < end {
            if page != self.readable.get() {
                if !sys::readable(page as u64) {
                    return Err(NoLines::Unexpected);
                }
                self.readable.set(page);
            }
            page = page.wrapping_add(PAGE);
        }
        Ok(())
    }

    /// A pointer or another word of the machine.
    #[inline]
    pub(crate) fn word(&self, address: usize) -> Result<usize, NoLines> {
        let mut bytes = [0u8; 8];
        self.copy(address, &mut bytes)?;
        Ok(usize::from_ne_bytes(bytes))
    }

    /// Four bytes.
    #[inline]
    pub(crate) fn half(&self, address: usize) -> Result<u32, NoLines> {
        let mut bytes = [0u8; 4];
        self.copy(address, &mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// Two bytes.
    #[inline]
    pub(crate) fn short(&self, address: usize) -> Result<u16, NoLines> {
        let mut bytes = [0u8; 2];
        self.copy(address, &mut bytes)?;
        Ok(u16::from_ne_bytes(bytes))
    }

    /// One byte.
    #[inline]
    pub(crate) fn byte(&self, address: usize) -> Result<u8, NoLines> {
        let mut bytes = [0u8; 1];
        self.copy(address, &mut bytes)?;
        let [byte] = bytes;
        Ok(byte)
    }

    /// Text of a known length; of a longer one, its beginning.
    pub(crate) fn text<const N: usize>(&self, address: usize, length: usize) -> Result<Bytes<N>, NoLines> {
        let mut buf = [0u8; N];
        let into = buf.get_mut(..length.min(N)).ok_or(NoLines::Unexpected)?;
        self.copy(address, into)?;
        Ok(Bytes::of(into))
    }

    /// A C string; of a longer one, its beginning.
    pub(crate) fn c_string<const N: usize>(&self, address: usize) -> Result<Bytes<N>, NoLines> {
        let mut text = Bytes::EMPTY;
        let mut at = address;
        for _ in 0..N {
            // One byte at a time: the string may end right before a page that is not there.
            let byte = self.byte(at)?;
            if byte == 0 {
                break;
            }
            text.push(&[byte]);
            at = at.wrapping_add(1);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_ends_the_reading() {
        for memory in [Memory::checked(), Memory::direct(), Memory::through_the_kernel()] {
            let here = [7u64, 8];
            assert_eq!(memory.word(&raw const here as usize), Ok(7));
            assert_eq!(memory.half((&raw const here as usize).wrapping_add(8)), Ok(8));
            let text = c"/srv/app.pl";
            assert_eq!(memory.c_string::<64>(text.as_ptr() as usize).unwrap().as_slice(), b"/srv/app.pl");
            assert_eq!(memory.c_string::<4>(text.as_ptr() as usize).unwrap().as_slice(), b"/srv");
            assert_eq!(memory.text::<4>(text.as_ptr() as usize, 900).unwrap().as_slice(), b"/srv");
            for impossible in [0, 8, END, usize::MAX, usize::MAX - 7] {
                assert_eq!(memory.word(impossible), Err(NoLines::Unexpected), "{impossible:#x}");
            }
        }
        let page = sys::map_zeroed(2 * PAGE, libc::MAP_PRIVATE).unwrap() as usize;
        // SAFETY: the second half of a mapping of our own.
        unsafe { libc::munmap((page + PAGE) as *mut _, PAGE) };
        assert_eq!(Memory::through_the_kernel().word(page + PAGE), Err(NoLines::Unexpected));
        assert_eq!(Memory::checked().word(page + PAGE), Err(NoLines::Unexpected));
        assert_eq!(Memory::checked().word(page + PAGE - 4), Err(NoLines::Unexpected));
        assert_eq!(Memory::checked().word(page + PAGE - 8), Ok(0));
    }
}
