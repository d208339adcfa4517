//! The walk from the hook to the program's first function.

use super::cfi::{Cfa, Found, Row, Rule};
use super::{cache, cfi, expression, first, object};
use crate::arch::{REGISTERS, RETURN_ADDRESS, STACK_POINTER, capture, plain_address};
use crate::sys;
use alive_wire::MAX_FRAMES;

/// Frames of the shim's own that stand between the walk and the program, at most.
const OWN_FRAMES: usize = 12;

/// Return addresses, innermost first, the shim's own left out.
pub(crate) struct Stack {
    addresses: [u64; MAX_FRAMES],
    used: usize,
    /// How many stand before the first signal handler's return.
    uninterrupted: usize,
    /// The walk ended because there was no more room.
    pub(crate) cut: bool,
}

impl Stack {
    /// A stack that nothing is known of.
    pub(crate) const EMPTY: Self = Self { addresses: [0; MAX_FRAMES], used: 0, uninterrupted: 0, cut: false };

    /// The addresses.
    pub(crate) fn addresses(&self) -> &[u64] {
        self.addresses.get(..self.used).unwrap_or_default()
    }

    /// The addresses of calls that no signal came between.
    pub(crate) fn uninterrupted(&self) -> &[u64] {
        self.addresses.get(..self.uninterrupted).unwrap_or_default()
    }

    /// The innermost address outside of libc; 0 when there is none.
    pub(crate) fn outside_libc(&self) -> u64 {
        let outside = |address: &&u64| !object::is_libc(**address);
        self.addresses().iter().find(outside).copied().unwrap_or(0)
    }

    /// Appends an address; false when there is no room.
    pub(crate) fn push(&mut self, address: u64) -> bool {
        let Some(slot) = self.addresses.get_mut(self.used) else {
            self.cut = true;
            return false;
        };
        *slot = address;
        self.used = self.used.saturating_add(1);
        true
    }

    /// The stack of the calling thread from the caller of the hook on.
    #[inline(never)]
    pub(crate) fn capture() -> Self {
        let mut stack = Self::EMPTY;
        walk(|address, interrupted| {
            let pushed = stack.push(address);
            if !interrupted {
                stack.uninterrupted = stack.used;
            }
            pushed
        });
        stack
    }
}

/// The innermost return address outside the shim and libc; 0 when there is none.
#[inline(never)]
pub(crate) fn caller_outside_libc() -> u64 {
    let mut caller = 0;
    walk(|address, _| {
        let in_libc = object::is_libc(address);
        if !in_libc {
            caller = address;
        }
        in_libc
    });
    caller
}

/// Hands return addresses to `visit`, with whether a signal came between, until it says false or the
/// stack ends.
#[inline(always)]
fn walk(mut visit: impl FnMut(u64, bool) -> bool) {
    let mut registers = [0u64; REGISTERS];
    // SAFETY: the array has the length that `capture` writes.
    unsafe { capture(registers.as_mut_ptr()) };
    let mut memory = Memory::new(registers);
    let mut outside = false;
    let mut behind_signal = false;
    let mut interrupted = false;
    for _ in 0..MAX_FRAMES.saturating_add(OWN_FRAMES) {
        let Some(address) = registers.get(RETURN_ADDRESS).copied().map(plain_address).filter(|pc| *pc != 0)
        else {
            return;
        };
        outside = outside || !object::is_own(address);
        if outside && !visit(address, interrupted) {
            return;
        }
        // A return address may be the first of the next function: its call belongs to the one before.
        let within = if behind_signal { address } else { address.wrapping_sub(1) };
        let before = registers.get(STACK_POINTER).copied().unwrap_or(0);
        let Some(step) = undo(within, &mut registers, &mut memory) else { return };
        let after = registers.get(STACK_POINTER).copied().unwrap_or(0);
        // Frames lie ever higher, except where a signal handler has a stack of its own.
        if after <= before && !step.signal {
            return;
        }
        if step.signal {
            memory.forget();
        }
        behind_signal = step.signal;
        interrupted |= step.signal;
    }
}

struct Step {
    signal: bool,
}

/// Undoes the frame that `within` lies in; `None` at the end of the stack.
fn undo(within: u64, registers: &mut [u64; REGISTERS], memory: &mut Memory) -> Option<Step> {
    if let Some(row) = cache::get(within) {
        row.undo(registers, memory)?;
        return Some(Step { signal: false });
    }
    let object = object::find(within)?;
    let found = cfi::find(&object, within)?;
    if let Some(row) = cache::Simple::of(&found) {
        cache::put(within, row);
    }
    apply(&found, registers, memory)?;
    Some(Step { signal: found.signal })
}

/// Undoes one frame by its full row.
pub(super) fn apply(found: &Found, registers: &mut [u64; REGISTERS], memory: &mut Memory) -> Option<()> {
    let Row { cfa, rules } = &found.row;
    let cfa = match *cfa {
        Cfa::Register(register, offset) => registers.get(register)?.wrapping_add_signed(offset),
        Cfa::Expression(code) => expression::evaluate(code, registers, None, memory)?,
    };
    let mut caller = *registers;
    *caller.get_mut(STACK_POINTER)? = cfa;
    for ((index, rule), slot) in rules.iter().enumerate().zip(caller.iter_mut()) {
        *slot = match *rule {
            Rule::Same => continue,
            Rule::Undefined if index == found.return_address => return None,
            Rule::Undefined => continue,
            Rule::At(offset) => memory.read(cfa.wrapping_add_signed(offset))?,
            Rule::Is(offset) => cfa.wrapping_add_signed(offset),
            Rule::Register(other) => registers.get(usize::from(other)).copied()?,
            Rule::AtExpression(code) => {
                let address = expression::evaluate(code, registers, Some(cfa), memory)?;
                memory.read(address)?
            }
            Rule::IsExpression(code) => expression::evaluate(code, registers, Some(cfa), memory)?,
        };
    }
    if found.return_address != RETURN_ADDRESS {
        let address = *caller.get(found.return_address)?;
        *caller.get_mut(RETURN_ADDRESS)? = address;
    }
    *registers = caller;
    Some(())
}

/// Reads of the stack, each page asked for before it is touched.
///
/// Unwind tables can be wrong, most of all those written by hand; a wrong one must end the walk,
/// not the program.
pub(crate) struct Memory {
    from: u64,
    to: u64,
}

const PAGE: u64 = 4096;

impl Memory {
    /// Nothing was asked for yet.
    #[cfg(test)]
    pub(super) const fn nowhere() -> Self {
        Self { from: 0, to: 0 }
    }

    /// Begins with the page that the stack pointer is in, which is mapped: this function runs on it. Of the
    /// first thread's stack, everything above is.
    fn new(registers: [u64; REGISTERS]) -> Self {
        let stack_pointer = registers.get(STACK_POINTER).copied().unwrap_or(0);
        let from = stack_pointer & !(PAGE.wrapping_sub(1));
        let top = usize::try_from(stack_pointer).ok().and_then(first::top_above);
        Self { from, to: top.map_or(from.wrapping_add(PAGE), |top| top as u64) }
    }

    /// The next frames lie elsewhere.
    fn forget(&mut self) {
        self.to = self.from;
    }

    /// Eight bytes at `address`.
    pub(crate) fn read(&mut self, address: u64) -> Option<u64> {
        let end = address.checked_add(8)?;
        if !address.is_multiple_of(8) {
            return None;
        }
        if address < self.from || end > self.to {
            if !sys::readable(address) {
                return None;
            }
            let page = address & !(PAGE.wrapping_sub(1));
            let next = page.wrapping_add(PAGE);
            if page == self.to {
                self.to = next;
            } else {
                self.from = page;
                self.to = next;
            }
        }
        // SAFETY: aligned, and the page was found readable; a stack page in use is not unmapped.
        Some(unsafe { (address as *const u64).read() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmapped_page_ends_the_walk() {
        let mut memory = Memory::nowhere();
        assert_eq!(memory.read(0), None);
        assert_eq!(memory.read(8), None);
        assert_eq!(memory.read(u64::MAX - 7), None);
        let here = 42u64;
        assert_eq!(memory.read(&raw const here as u64), Some(42));
    }

    #[test]
    fn the_walk_finds_the_frames_above_it() {
        object::begin();
        object::find_landmarks();
        let mut count = 0;
        walk(|_, _| {
            count += 1;
            true
        });
        // Under test the program is the shim's own object, so only the frames of libc show.
        assert!(count >= 1, "no frame was found");
    }
}
