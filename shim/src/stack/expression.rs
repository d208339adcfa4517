//! The DWARF expressions that occur in unwind tables: procedure linkage stubs, signal
//! trampolines, and functions that realign their stack. Anything else ends the walk.

use super::bytes::Cursor;
use super::native::Memory;
use crate::arch::REGISTERS;

/// Deepest evaluation stack that is followed.
const DEPTH: usize = 8;

struct Stack {
    values: [u64; DEPTH],
    used: usize,
}

impl Stack {
    fn push(&mut self, value: u64) -> Option<()> {
        *self.values.get_mut(self.used)? = value;
        self.used = self.used.checked_add(1)?;
        Some(())
    }

    fn pop(&mut self) -> Option<u64> {
        self.used = self.used.checked_sub(1)?;
        self.values.get(self.used).copied()
    }
}

/// Evaluates an expression; `initial` is what the rule pushes first (the CFA, for registers).
pub(crate) fn evaluate(
    mut code: Cursor,
    registers: &[u64; REGISTERS],
    initial: Option<u64>,
    memory: &mut Memory,
) -> Option<u64> {
    let mut stack = Stack { values: [0; DEPTH], used: 0 };
    if let Some(value) = initial {
        stack.push(value)?;
    }
    while !code.is_empty() {
        let operation = code.u8()?;
        match operation {
            0x06 => {
                let address = stack.pop()?;
                stack.push(memory.read(address)?)?;
            }
            0x08 => stack.push(u64::from(code.u8()?))?,
            0x09 => stack.push(i64::from(code.i8()?).cast_unsigned())?,
            0x0a => stack.push(u64::from(code.u16()?))?,
            0x0b => stack.push(i64::from(code.i16()?).cast_unsigned())?,
            0x0c => stack.push(u64::from(code.u32()?))?,
            0x0d => stack.push(i64::from(code.i32()?).cast_unsigned())?,
            0x10 => stack.push(code.uleb()?)?,
            0x11 => stack.push(code.sleb()?.cast_unsigned())?,
            0x12 => {
                let top = stack.pop()?;
                stack.push(top)?;
                stack.push(top)?;
            }
            0x1a | 0x1c | 0x22 | 0x24 | 0x2a => {
                let right = stack.pop()?;
                let left = stack.pop()?;
                stack.push(binary(operation, left, right))?;
            }
            0x23 => {
                let value = stack.pop()?;
                stack.push(value.wrapping_add(code.uleb()?))?;
            }
            0x30..=0x4f => stack.push(u64::from(operation.saturating_sub(0x30)))?,
            0x70..=0x8f => {
                let register = registers.get(usize::from(operation.saturating_sub(0x70)))?;
                stack.push(register.wrapping_add_signed(code.sleb()?))?;
            }
            0x92 => {
                let register = registers.get(usize::try_from(code.uleb()?).ok()?)?;
                stack.push(register.wrapping_add_signed(code.sleb()?))?;
            }
            0x96 => {}
            _ => return None,
        }
    }
    stack.pop()
}

/// and, minus, plus, shift left, greater-or-equal.
fn binary(operation: u8, left: u64, right: u64) -> u64 {
    match operation {
        0x1a => left & right,
        0x1c => left.wrapping_sub(right),
        0x22 => left.wrapping_add(right),
        0x24 => u32::try_from(right).ok().and_then(|shift| left.checked_shl(shift)).unwrap_or(0),
        _ => u64::from(left.cast_signed() >= right.cast_signed()),
    }
}
