//! Numbers and bytes off the front of a record's payload, as `record` and those beside it read them.

use crate::error::Error;

/// Takes fields off the front of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Error::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Error::Malformed)?;
        self.0 = tail;
        Ok(*head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A number of up to 64 bits, seven in each byte, lowest first.
    #[inline]
    pub(crate) fn leb128(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        for (index, &byte) in (0..10u32).zip(self.0) {
            number |= u64::from(byte & 0x7f).checked_shl(index.saturating_mul(7)).unwrap_or(0);
            if byte & 0x80 == 0 {
                // Once for a number, not for every byte of it.
                let behind = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1);
                self.0 = self.0.get(behind..).unwrap_or_default();
                return Ok(number);
            }
        }
        Err(Error::Malformed)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }
}
