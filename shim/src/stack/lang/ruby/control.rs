//! What each frame runs, by the control frames of the thread.
//!
//! For code within a method `rb_profile_frames` tells the method, not the code. They differ where
//! the method evaluates a string, a template say: the line is the string's, the file is not. The
//! control frames name the code. Where they lie differs with the version, so it is found once, as the
//! place where they agree with `rb_profile_frames`; each walk is held against it again, and where they
//! do not agree the method's file is told.

use super::string::{Value, is_special};
use crate::stack::lang::memory::Memory;
use alive_wire::NoLines;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// Of the object that stands for a thread: where the thread is.
const DATA: usize = 32;

/// Where in a thread its execution context may hang.
const CONTEXT: core::ops::Range<usize> = 16..128;

/// Bytes of a control frame, by version and build.
const SIZES: [usize; 3] = [56, 64, 48];

// The first fields of an execution context: the stack, how many words it has, the innermost frame.
const STACK: usize = 0;
const STACK_WORDS: usize = 8;
const INNERMOST: usize = 16;
const MOST_WORDS: usize = 1 << 24;

// Of a control frame: the code, and the environment, which begins with flags.
const CODE: usize = 16;
const ENVIRONMENT: usize = 32;
/// A function in C.
const IN_C: usize = 0x80;

// In the flags of an internal object: its type, and of which sort it is: a method, code in Ruby.
const TYPE: usize = 31;
const INTERNAL: usize = 0x1a;
const SORT_SHIFT: u32 = 12;
const METHOD: usize = 6;
const RUBY: usize = 7;

/// Searches that may end in vain before the place is given up.
const SEARCHES: u32 = 8;

/// The place when it was found; up to [`SEARCHES`], how often it was not.
static PLACE: AtomicU32 = AtomicU32::new(0);

/// Where control frames are.
#[derive(Clone, Copy)]
struct Place {
    /// Offset of the execution context in a thread.
    context: usize,
    /// Bytes of each.
    size: usize,
}

/// Another interpreter came.
pub(super) fn forget() {
    PLACE.store(0, Ordering::Relaxed);
}

/// Writes the code of each frame, 0 where it is not known.
pub(super) fn codes(
    memory: &Memory,
    thread: Value,
    frames: &[Value],
    numbers: &[c_int],
    codes: &mut [Value],
) -> Result<(), NoLines> {
    let thread = memory.word(thread.wrapping_add(DATA))?;
    let known = PLACE.load(Ordering::Relaxed);
    let agrees = if known > SEARCHES {
        let [context, size] = [known >> 16, known & 0xffff].map(|part| usize::try_from(part).unwrap_or(0));
        let place = Place { context, size };
        place.walk(memory, thread, frames, numbers, codes)?
    } else {
        known < SEARCHES && search(thread, frames, numbers, codes)
    };
    if !agrees {
        codes.fill(0);
    }
    Ok(())
}

/// Looks for the place. What is looked at may be anything, so every page is asked for first.
fn search(thread: usize, frames: &[Value], numbers: &[c_int], codes: &mut [Value]) -> bool {
    let memory = Memory::checked();
    for context in CONTEXT.step_by(8) {
        for size in SIZES {
            let place = Place { context, size };
            if place.walk(&memory, thread, frames, numbers, codes) == Ok(true) {
                let context = u32::try_from(context).unwrap_or(0);
                let size = u32::try_from(size).unwrap_or(0);
                PLACE.store((context << 16) | size, Ordering::Relaxed);
                return true;
            }
        }
    }
    PLACE.fetch_add(1, Ordering::Relaxed);
    false
}

impl Place {
    /// Walks control frames and frames side by side; whether they agree.
    fn walk(
        self,
        memory: &Memory,
        thread: usize,
        frames: &[Value],
        numbers: &[c_int],
        codes: &mut [Value],
    ) -> Result<bool, NoLines> {
        let context = memory.word(thread.wrapping_add(self.context))?;
        let start = memory.word(context.wrapping_add(STACK))?;
        let words = memory.word(context.wrapping_add(STACK_WORDS))?.min(MOST_WORDS);
        let stack = start..start.saturating_add(words.wrapping_mul(8));
        let mut at = memory.word(context.wrapping_add(INNERMOST))?;
        for ((frame, number), code) in frames.iter().zip(numbers).zip(codes) {
            let sort = sort(memory, *frame)?;
            if sort == Some(METHOD) && *number <= 0 {
                // In C; its control frame is passed over with those that are not told at all.
                continue;
            }
            *code = loop {
                if at & 7 != 0 || !stack.contains(&at) {
                    return Ok(false);
                }
                let found = own_code(memory, at)?;
                at = at.wrapping_add(self.size);
                match found {
                    Some(found) if sort == Some(METHOD) || found == *frame => break found,
                    _ => {}
                }
            };
            if self::sort(memory, *code)? != Some(RUBY) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What a control frame runs; `None` for a function in C and for the ends of the stack.
fn own_code(memory: &Memory, control_frame: usize) -> Result<Option<Value>, NoLines> {
    let environment = memory.word(control_frame.wrapping_add(ENVIRONMENT))?;
    if memory.word(environment)? & IN_C != 0 {
        return Ok(None);
    }
    let code = memory.word(control_frame.wrapping_add(CODE))?;
    Ok((code != 0).then_some(code))
}

/// Which sort of internal object this is.
fn sort(memory: &Memory, object: Value) -> Result<Option<usize>, NoLines> {
    if is_special(object) {
        return Ok(None);
    }
    let flags = memory.word(object)?;
    let sort = flags.checked_shr(SORT_SHIFT).unwrap_or(0) & 15;
    Ok((flags & TYPE == INTERNAL).then_some(sort))
}
