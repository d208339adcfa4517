//! The chain of frames of PHP's engine, and what is read of each.

use super::LONGEST_FILE;
use super::place::Place;
use crate::stack::lang::memory::Memory;
use crate::stack::lang::room::Room;
use alive_wire::{LineWriter, NoLines};

// `zend_execute_data`; the same in all versions that are read, like everything below.
const OPLINE: usize = 0;
const FUNC: usize = 24;
const PREVIOUS: usize = 48;

/// Of a `zend_op`.
const LINE: usize = 24;

// The first fields of every `zend_function`.
const FUNCTION_NAME: usize = 8;
const CLASS: usize = 16;
/// Types of PHP's own code: a function or file, and what `eval` runs.
const USER: u8 = 2;
const EVAL: u8 = 4;

/// Of a `zend_class_entry`.
const CLASS_NAME: usize = 8;

// `zend_string`.
const LENGTH: usize = 16;
pub(super) const TEXT: usize = 24;

/// More bytes than a name has.
const LONGEST: usize = 1 << 16;

/// Longest name of a class and a function, together, that is read.
const LONGEST_NAME: usize = 120;

/// Frames of functions in C that are followed between two of PHP's own code.
const DEEPEST: usize = 4096;

/// A frame that is PHP's own code.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    address: usize,
    /// Address of the `zend_function` that it runs.
    pub(super) function: usize,
    /// 0 where it is between two.
    pub(super) line: u32,
}

/// The first frame from this one on, outwards, that is PHP's own code.
///
/// # Errors
/// [`NoLines::Unexpected`] where that is no frame, or there is none among so many.
pub(super) fn own_code(memory: &Memory, from: usize, at_most: usize) -> Result<Option<Frame>, NoLines> {
    let mut address = from;
    for _ in 0..at_most {
        if address == 0 {
            return Ok(None);
        }
        if address & 7 != 0 {
            return Err(NoLines::Unexpected);
        }
        let function = memory.word(address.wrapping_add(FUNC))?;
        // Placeholders of generators have none.
        if function != 0 && matches!(memory.byte(function)?, USER | EVAL) {
            let opline = memory.word(address.wrapping_add(OPLINE))?;
            let line = if opline == 0 { 0 } else { memory.half(opline.wrapping_add(LINE))? };
            return Ok(Some(Frame { address, function, line }));
        }
        address = memory.word(address.wrapping_add(PREVIOUS))?;
    }
    Err(NoLines::Unexpected)
}

/// Writes this frame and those around it.
pub(super) fn write(
    memory: &Memory,
    place: Place,
    first: Frame,
    lines: &mut LineWriter<'_>,
) -> Result<(), NoLines> {
    let mut frame = first;
    let mut file = Room::<LONGEST_FILE>::new();
    let mut name = Room::<LONGEST_NAME>::new();
    // Ends, because the writer takes no more than so many frames.
    loop {
        let string = place.file_of(memory, &frame)?;
        if !file.is_of(string) {
            file.begin();
            append(memory, string, &mut file)?;
            file.end(string);
        }
        if !name.is_of(frame.function) {
            name.begin();
            append_name(memory, frame.function, &mut name)?;
            name.end(frame.function);
        }
        if !lines.push(frame.line, file.as_slice(), name.as_slice()) {
            return Ok(());
        }
        let outer = memory.word(frame.address.wrapping_add(PREVIOUS))?;
        let Some(next) = own_code(memory, outer, DEEPEST)? else { return Ok(()) };
        frame = next;
    }
}

/// `Cart::total`, `total`, or nothing for the code of a file.
fn append_name(memory: &Memory, function: usize, name: &mut Room<LONGEST_NAME>) -> Result<(), NoLines> {
    let own = memory.word(function.wrapping_add(FUNCTION_NAME))?;
    if own == 0 {
        return Ok(());
    }
    let class = memory.word(function.wrapping_add(CLASS))?;
    if class != 0 {
        append(memory, memory.word(class.wrapping_add(CLASS_NAME))?, name)?;
        // A class without a name is told apart by what follows a zero byte.
        name.cut_at_zero();
        name.append(b"::");
    }
    append(memory, own, name)
}

/// Appends the text of a `zend_string`.
fn append<const N: usize>(memory: &Memory, string: usize, to: &mut Room<N>) -> Result<(), NoLines> {
    let (at, length) = (string.wrapping_add(TEXT), memory.word(string.wrapping_add(LENGTH))?);
    if memory.is_checked() && (length > LONGEST || memory.byte(at.wrapping_add(length))? != 0) {
        // Its own end is a zero byte, for C.
        return Err(NoLines::Unexpected);
    }
    to.append_from(memory, at, length)
}
