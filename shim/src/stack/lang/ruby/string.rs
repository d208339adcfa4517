//! Strings of Ruby: a head of two words, then the text or where it is.

use crate::stack::lang::memory::Memory;
use crate::stack::lang::room::Room;
use alive_wire::NoLines;
use core::ffi::c_char;

/// A reference to an object, or a small value in its place.
pub(super) type Value = usize;

/// `rb_string_value_ptr`.
pub(super) type BytesOf = unsafe extern "C" fn(*mut Value) -> *const c_char;

/// The type of an object is in the low bits of its first word.
const TYPE: usize = 31;
const STRING: usize = 5;

/// `RSTRING_NOEMBED`: the text is elsewhere.
const ELSEWHERE: usize = 1 << 13;

/// Where the length of a short text is, among the flags.
const LENGTH_SHIFT: u32 = 14;
const LENGTH_BITS: usize = 31;

/// More bytes than a name has.
const LONGEST: usize = 1 << 16;

const FIRST: usize = 16;
const SECOND: usize = 24;

/// How the text is laid out behind the head.
#[derive(Clone, Copy)]
pub(super) enum Strings {
    /// Up to 3.1: a short text follows the head, and the flags have its length.
    LengthInFlags,
    /// Since 3.2: a length always, then the text or its address.
    LengthInFront,
}

/// `nil` and other values that are no objects; objects lie at multiples of 8, and nobody's at 8.
pub(super) const fn is_special(value: Value) -> bool {
    value & 7 != 0 || value <= 8
}

impl Strings {
    /// Reads the text of a string; `nil` is empty.
    ///
    /// # Errors
    /// [`NoLines::Unexpected`] where it is something else, or does not lie where the interpreter
    /// itself, asked in a process's first stack, has it.
    pub(super) fn read<const N: usize>(
        self,
        memory: &Memory,
        bytes_of: BytesOf,
        value: Value,
        into: &mut Room<N>,
    ) -> Result<(), NoLines> {
        if into.is_of(value) {
            return Ok(());
        }
        into.begin();
        if is_special(value) {
            return Ok(());
        }
        let flags = memory.word(value)?;
        if flags & TYPE != STRING {
            return Err(NoLines::Unexpected);
        }
        let (first, second) = (value.wrapping_add(FIRST), value.wrapping_add(SECOND));
        let (length, text) = match (self, flags & ELSEWHERE != 0) {
            (_, true) => (memory.word(first)?, memory.word(second)?),
            (Self::LengthInFront, false) => (memory.word(first)?, second),
            (Self::LengthInFlags, false) => {
                (flags.checked_shr(LENGTH_SHIFT).unwrap_or(0) & LENGTH_BITS, first)
            }
        };
        if memory.is_checked() {
            // Its own end is a zero byte, for C.
            if length > LONGEST || memory.byte(text.wrapping_add(length))? != 0 {
                return Err(NoLines::Unexpected);
            }
            let mut asked = value;
            // SAFETY: it is a string, so that nothing is converted; the caller holds the lock.
            if unsafe { bytes_of(&raw mut asked) } as usize != text {
                return Err(NoLines::Unexpected);
            }
        }
        into.append_from(memory, text, length)?;
        into.end(value);
        Ok(())
    }
}
