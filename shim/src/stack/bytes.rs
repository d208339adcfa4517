//! A cursor over the unwind tables of one mapped object.
//!
//! Every read is checked against the segment that the tables lie in, so a wrong table ends the walk,
//! not the program. An object's whole range would not do: between its segments there may be gaps
//! that fault.

use super::object::Object;
use crate::sys;

/// Smallest page that memory is mapped by, in bytes.
const PAGE: usize = 4096;

/// Where an object's unwind tables can be read.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    /// Address of `.eh_frame_hdr`.
    pub(crate) header: usize,
    start: usize,
    end: usize,
    /// The segments are not known: each page is asked for before it is touched.
    carefully: bool,
}

impl Tables {
    /// The tables of `object`.
    pub(crate) fn of(object: &Object) -> Self {
        let header = object.frame_header;
        match object.readable_segment(header) {
            Some((start, end)) => Self { header, start, end, carefully: false },
            None => Self { header, start: object.start, end: object.end, carefully: true },
        }
    }

    #[cfg(test)]
    pub(super) fn over(bytes: &[u8], header: usize) -> Self {
        let start = bytes.as_ptr() as usize;
        Self { header: start + header, start, end: start + bytes.len(), carefully: false }
    }
}

/// Reads forward within the tables.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) at: usize,
    end: usize,
    /// Behind the last byte that is known to be readable; `usize::MAX` when all are.
    asked: usize,
}

impl Cursor {
    /// Begins at an address inside the tables.
    pub(crate) fn new(tables: &Tables, at: usize) -> Option<Self> {
        let asked = if tables.carefully { 0 } else { usize::MAX };
        (at >= tables.start && at < tables.end).then_some(Self { at, end: tables.end, asked })
    }

    /// The same cursor, ending `bytes` further on.
    pub(crate) fn limit(self, bytes: usize) -> Option<Self> {
        let end = self.at.checked_add(bytes)?;
        (end <= self.end).then_some(Self { end, ..self })
    }

    /// Asks the kernel for the pages up to `next`; what is read here is at most eight bytes long.
    #[cold]
    fn ask(&mut self, next: usize) -> Option<()> {
        let within = PAGE.wrapping_sub(1);
        let last = next.checked_sub(1)?;
        for address in [self.at, last] {
            // The kernel looks at eight bytes, and those must not reach into the page behind.
            if address >= self.asked && !sys::readable((address & !within) as u64) {
                return None;
            }
        }
        self.asked = (last | within).saturating_add(1);
        Some(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let next = self.at.checked_add(N)?;
        if next > self.end {
            return None;
        }
        if next > self.asked {
            self.ask(next)?;
        }
        // SAFETY: the range lies within a readable segment, or its pages were found readable just now.
        let bytes = unsafe { (self.at as *const [u8; N]).read_unaligned() };
        self.at = next;
        Some(bytes)
    }

    pub(crate) fn skip(&mut self, bytes: usize) -> Option<()> {
        let next = self.at.checked_add(bytes)?;
        (next <= self.end).then(|| self.at = next)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    pub(crate) fn i8(&mut self) -> Option<i8> {
        self.u8().map(u8::cast_signed)
    }

    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.u16().map(u16::cast_signed)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.u32().map(u32::cast_signed)
    }

    pub(crate) fn uleb(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for group in 0..10u32 {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(group.saturating_mul(7)).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn sleb(&mut self) -> Option<i64> {
        let mut value = 0i64;
        for group in 0..10u32 {
            let byte = self.u8()?;
            let shift = group.saturating_mul(7);
            value |= i64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                let used = shift.saturating_add(7);
                let sign = if byte & 0x40 == 0 { 0 } else { (-1i64).checked_shl(used).unwrap_or(0) };
                return Some(value | sign);
            }
        }
        None
    }

    /// A pointer in one of the encodings of `.eh_frame` (`DW_EH_PE_*`); `None` for unknown ones.
    pub(crate) fn encoded(&mut self, encoding: u8) -> Option<u64> {
        let base = match encoding & 0x70 {
            0x00 => 0,
            0x10 => self.at as u64,
            _ => return None,
        };
        let value = match encoding & 0x0f {
            0x00 | 0x04 | 0x0c => self.u64()?,
            0x02 => u64::from(self.u16()?),
            0x03 => u64::from(self.u32()?),
            0x0a => i64::from(self.i16()?).cast_unsigned(),
            0x0b => i64::from(self.i32()?).cast_unsigned(),
            _ => return None,
        };
        Some(base.wrapping_add(value))
    }
}
