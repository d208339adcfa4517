//! Native frames: the greater part of most datagrams, so they are read without going from byte to byte.

use crate::error::Error;
use crate::fields::Fields;

/// One native frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Index of its [`crate::record::Module`] among the event's, or [`crate::record::NO_MODULE`].
    pub module: u8,
    /// Return address minus load bias.
    pub offset: u64,
}

/// Native frames as they stand on the wire, innermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    /// Frames already encoded by an [`crate::Encoder`].
    #[must_use]
    pub const fn new(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }

    /// Their bytes: equal ones are equal frames.
    #[must_use]
    pub const fn encoded(&self) -> &'a [u8] {
        self.0
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    /// The next frame; ends early where the bytes are no frame.
    #[inline]
    fn next(&mut self) -> Option<Frame> {
        let mut fields = Fields(core::mem::take(&mut self.0));
        let frame = fields.frame().ok()?;
        self.0 = fields.0;
        Some(frame)
    }
}

impl Fields<'_> {
    /// A module and an offset.
    #[inline]
    fn frame(&mut self) -> Result<Frame, Error> {
        // Stacks are most of a datagram: where there are eight bytes, and the offset ends in them, a frame is read
        // without going from byte to byte.
        if let Some(&[module, b0, b1, b2, b3, b4, b5, b6]) = self.0.first_chunk() {
            let bytes = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, 0]);
            // The first byte that has no other one behind it, by its highest bit.
            let last = (!bytes & 0x0080_8080_8080_8080).trailing_zeros();
            if last < u64::BITS {
                let used = last.wrapping_shr(3).wrapping_add(2);
                self.0 = self.0.get(usize::try_from(used).unwrap_or(usize::MAX)..).ok_or(Error::Malformed)?;
                let offset = seven_in_each(bytes & u64::MAX.wrapping_shr(63u32.wrapping_sub(last)));
                return Ok(Frame { module, offset });
            }
        }
        self.frame_bytewise()
    }

    /// The same at the end of a payload, and of the longest offsets.
    fn frame_bytewise(&mut self) -> Result<Frame, Error> {
        Ok(Frame { module: self.u8()?, offset: self.leb128()? })
    }
}

/// Seven bits of each byte, put together.
#[inline]
const fn seven_in_each(bytes: u64) -> u64 {
    let pairs = (bytes & 0x007f_007f_007f_007f) | ((bytes & 0x7f00_7f00_7f00_7f00) >> 1);
    let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
    (fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4)
}

#[cfg(test)]
mod tests {
    use super::Frame;
    use crate::fields::Fields;

    #[test]
    fn a_frame_is_read_alike_whatever_stands_behind_it() {
        for bits in 0..64 {
            let odd = 0x5a5a_a5a5_5a5a_a5a5u64 >> bits;
            for offset in [1 << bits, (1u64 << bits).wrapping_sub(1), odd, u64::MAX >> bits] {
                let (bytes, used) = crate::encode::leb128(offset);
                let frame = [&[7], bytes.get(..used).unwrap_or_default()].concat();
                for behind in [&[][..], &[0; 9], &[0xff; 9], &[0x80; 3]] {
                    let payload = [&frame, behind].concat();
                    let mut fields = Fields(&payload);
                    assert_eq!(
                        fields.frame(),
                        Ok(Frame { module: 7, offset }),
                        "{offset:#x} before {behind:?}"
                    );
                    assert_eq!(fields.0, behind);
                }
            }
        }
    }

    #[test]
    fn both_ways_read_the_same_of_any_bytes() {
        let mut state = 1u64;
        for round in 0..40_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            // Every other time mostly bytes that go on.
            let more = if round % 2 == 0 { state << 7 & 0x8080_8080_8080_8080 } else { 0 };
            let payload = [(state >> 8 | more).to_le_bytes(), state.to_be_bytes()].concat();
            let (mut quick, mut slow) = (Fields(&payload), Fields(&payload));
            assert_eq!(quick.frame(), slow.frame_bytewise(), "{payload:x?}");
            assert_eq!(quick.0, slow.0);
        }
    }
}
