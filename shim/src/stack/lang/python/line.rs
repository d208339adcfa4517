//! The line that a frame is at.
//!
//! Code has a table that runs along its instructions. The interpreter has a function that looks a
//! line up in it, but since 3.12 that function also reads what other threads' debuggers write. The
//! table never changes; it is read here as that function reads it.

use super::super::memory::Memory;
use super::layout::{Layout, Position, Table};
use alive_wire::NoLines;

/// Where an object of variable size has its number of items.
const ITEMS: usize = 16;
/// Where the bytes of a bytes object begin.
const BYTES: usize = 32;

/// Longest table that is followed, in bytes.
const LONGEST: usize = 1 << 20;

/// Bytes of a table that are copied at a time.
const CHUNK: usize = 128;

/// The line of a frame in its code; 0 where the code has none for it.
pub(super) fn of(layout: &Layout, memory: &Memory, frame: usize, code: usize) -> Result<u32, NoLines> {
    let at = instruction(layout, memory, frame, code)?;
    let first = memory.half(code.wrapping_add(layout.code_first_line))?.cast_signed();
    let Some(at) = at else { return Ok(u32::try_from(first).unwrap_or(0)) };
    let table = memory.word(code.wrapping_add(layout.code_lines))?;
    let length = memory.word(table.wrapping_add(ITEMS))?;
    if length > LONGEST {
        return Err(NoLines::Unexpected);
    }
    let mut bytes = TableBytes::new(memory, table.wrapping_add(BYTES), length);
    let line = match layout.table {
        Table::Before310 => before_3_10(&mut bytes, at, first)?,
        Table::Of310 => of_3_10(&mut bytes, at, first)?,
        Table::Since311 => since_3_11(&mut bytes, at, first)?,
    };
    Ok(line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0))
}

/// Bytes from the first instruction to the one that the frame is at; none before it began.
fn instruction(layout: &Layout, memory: &Memory, frame: usize, code: usize) -> Result<Option<u32>, NoLines> {
    match layout.position {
        Position::Number { at, unit } => {
            let number = memory.half(frame.wrapping_add(at))?.cast_signed();
            Ok(u32::try_from(number).ok().map(|number| number.saturating_mul(unit)))
        }
        Position::Pointer { at, instructions } => {
            let begin = code.wrapping_add(instructions);
            let here = memory.word(frame.wrapping_add(at))?;
            // A frame that has not begun points to the unit of two bytes before the first.
            if here.wrapping_add(2) == begin {
                return Ok(None);
            }
            let items = memory.word(code.wrapping_add(ITEMS))?;
            let bytes = here.checked_sub(begin).filter(|bytes| *bytes < items.saturating_mul(2));
            bytes.and_then(|bytes| u32::try_from(bytes).ok()).map(Some).ok_or(NoLines::Unexpected)
        }
    }
}

/// A table, read byte by byte.
struct TableBytes<'m> {
    memory: &'m Memory,
    at: usize,
    left: usize,
    chunk: [u8; CHUNK],
    /// What of the chunk was handed out, and how much of it is table.
    used: usize,
    filled: usize,
}

impl<'m> TableBytes<'m> {
    fn new(memory: &'m Memory, at: usize, left: usize) -> Self {
        Self { memory, at, left, chunk: [0; CHUNK], used: 0, filled: 0 }
    }

    /// The next byte without going on; none at the end.
    fn peek(&mut self) -> Result<Option<u8>, NoLines> {
        if self.used == self.filled && self.left > 0 {
            let count = self.left.min(CHUNK);
            self.memory.copy(self.at, self.chunk.get_mut(..count).unwrap_or_default())?;
            self.at = self.at.wrapping_add(count);
            self.left = self.left.saturating_sub(count);
            self.filled = count;
            self.used = 0;
        }
        Ok(self.chunk.get(..self.filled).and_then(|chunk| chunk.get(self.used)).copied())
    }

    fn next(&mut self) -> Result<Option<u8>, NoLines> {
        let byte = self.peek()?;
        self.used = self.used.saturating_add(usize::from(byte.is_some()));
        Ok(byte)
    }

    fn pair(&mut self) -> Result<Option<(u8, i8)>, NoLines> {
        let (Some(first), Some(second)) = (self.next()?, self.next()?) else { return Ok(None) };
        Ok(Some((first, second.cast_signed())))
    }

    /// Six bits a byte, the lowest first; another byte follows where bit 6 says so.
    fn number(&mut self) -> Result<u32, NoLines> {
        let mut number = 0u32;
        for shift in (0..32).step_by(6) {
            let byte = self.next()?.ok_or(NoLines::Unexpected)?;
            number |= u32::from(byte & 63).checked_shl(shift).unwrap_or(0);
            if byte & 64 == 0 {
                break;
            }
        }
        Ok(number)
    }

    /// Likewise, with the sign in the lowest bit.
    fn signed(&mut self) -> Result<i32, NoLines> {
        let number = self.number()?;
        let size = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { size } else { size.wrapping_neg() })
    }
}

fn before_3_10(table: &mut TableBytes<'_>, at: u32, first: i32) -> Result<Option<i32>, NoLines> {
    let (mut line, mut begins) = (first, 0u32);
    while let Some((bytes, lines)) = table.pair()? {
        begins = begins.saturating_add(u32::from(bytes));
        if begins > at {
            break;
        }
        line = line.wrapping_add(i32::from(lines));
    }
    Ok(Some(line))
}

fn of_3_10(table: &mut TableBytes<'_>, at: u32, first: i32) -> Result<Option<i32>, NoLines> {
    const NO_LINE: i8 = -128;
    let (mut line, mut ends) = (first, 0u32);
    while let Some((bytes, lines)) = table.pair()? {
        ends = ends.saturating_add(u32::from(bytes));
        if lines != NO_LINE {
            line = line.wrapping_add(i32::from(lines));
        }
        if ends > at {
            return Ok((lines != NO_LINE).then_some(line));
        }
    }
    Ok(None)
}

fn since_3_11(table: &mut TableBytes<'_>, at: u32, first: i32) -> Result<Option<i32>, NoLines> {
    let (mut line, mut ends) = (first, 0u32);
    while let Some(head) = table.next()? {
        // One bit that begins an entry, four bits of its form, three bits of how many units less one.
        let units = u32::from(head & 7).saturating_add(1);
        let form = head >> 3 & 15;
        ends = ends.saturating_add(units.saturating_mul(2));
        let lines = match form {
            10..=12 => i32::from(form).saturating_sub(10),
            13 | 14 => table.signed()?,
            _ => 0,
        };
        line = line.wrapping_add(lines);
        if ends > at {
            const NO_LINE: u8 = 15;
            return Ok((form != NO_LINE).then_some(line));
        }
        while table.peek()?.is_some_and(|byte| byte & 128 == 0) {
            table.next()?;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of some instructions by a table.
    fn lines(form: Table, table: &[u8], first: i32, at: &[u32]) -> Vec<Option<i32>> {
        let memory = Memory::checked();
        let look_up = match form {
            Table::Before310 => before_3_10,
            Table::Of310 => of_3_10,
            Table::Since311 => since_3_11,
        };
        at.iter()
            .map(|at| {
                let mut bytes = TableBytes::new(&memory, table.as_ptr() as usize, table.len());
                look_up(&mut bytes, *at, first).unwrap()
            })
            .collect()
    }

    /// `PyCode_Addr2Line`'s answers for the function below, from Python 3.9.18, 3.10.13 and 3.11.7.
    ///
    /// ```text
    /// def f(a):
    ///     for b in a:
    ///         if (b
    ///             and a):
    ///             g(b,
    ///
    ///                  a)
    ///     with h() as i:
    ///         import j
    ///                        (201 empty lines)
    ///     return a
    /// ```
    #[test]
    fn a_function_of_each_form_has_the_lines_that_its_interpreter_tells() {
        let table = [0, 1, 8, 1, 4, 1, 2, 255, 2, 2, 4, 2, 2, 254, 6, 3, 8, 1, 38, 127, 0, 75];
        let at = [0, 8, 12, 14, 16, 20, 22, 28, 34, 36, 72, 74, 76];
        let expected = [2, 3, 4, 3, 5, 7, 5, 8, 8, 9, 9, 211, 211].map(Some);
        assert_eq!(lines(Table::Before310, &table, 1, &at), expected);

        let table = [
            8, 1, 4, 1, 2, 1, 2, 255, 4, 2, 2, 2, 4, 254, 2, 128, 8, 3, 10, 1, 10, 255, 0, 127, 4, 76, 0,
            129, 16, 180, 0, 127, 4, 76,
        ];
        let at = [0, 8, 12, 14, 20, 26, 28, 36, 46, 56, 58, 60, 78];
        let expected = [2, 3, 4, 3, 7, 0, 8, 9, 8, 211, 211, 8, 211].map(|line| (line > 0).then_some(line));
        assert_eq!(lines(Table::Of310, &table, 1, &at), expected);

        let table = [
            128, 0, 216, 13, 14, 240, 0, 5, 5, 20, 240, 0, 5, 5, 20, 136, 1, 216, 12, 13, 240, 0, 4, 9, 20,
            216, 16, 17, 240, 3, 4, 9, 20, 229, 12, 13, 136, 97, 224, 17, 18, 241, 5, 2, 13, 20, 244, 0, 2,
            13, 20, 240, 0, 2, 13, 20, 248, 245, 6, 0, 10, 11, 137, 19, 140, 19, 240, 0, 1, 5, 17, 144, 1,
            216, 8, 16, 136, 8, 136, 8, 136, 8, 240, 3, 1, 5, 17, 240, 0, 1, 5, 17, 240, 0, 1, 5, 17, 241, 0,
            1, 5, 17, 244, 0, 1, 5, 17, 240, 0, 1, 5, 17, 240, 0, 1, 5, 17, 240, 0, 1, 5, 17, 240, 0, 1, 5,
            17, 240, 0, 1, 5, 17, 240, 0, 1, 5, 17, 248, 248, 248, 240, 0, 1, 5, 17, 240, 0, 1, 5, 17, 240,
            0, 1, 5, 17, 240, 0, 1, 5, 17, 240, 86, 6, 0, 12, 13, 128, 72,
        ];
        let at = [0, 2, 10, 14, 16, 32, 34, 50, 52, 82, 90, 122, 128, 134, 136, 138];
        let expected =
            [1, 2, 3, 4, 3, 7, 5, 0, 8, 9, 8, 0, 8, 8, 211, 211].map(|line| (line > 0).then_some(line));
        assert_eq!(lines(Table::Since311, &table, 1, &at), expected);
    }

    #[test]
    fn a_table_that_ends_early_has_no_line_for_the_rest() {
        for (form, table) in [(Table::Of310, &[2u8, 1][..]), (Table::Since311, &[0x80, 0])] {
            assert_eq!(lines(form, table, 7, &[2, 4000]), [None, None]);
            assert_eq!(lines(form, &[], 7, &[0]), [None]);
        }
        assert_eq!(lines(Table::Before310, &[2, 1], 7, &[0, 4000]), [Some(7), Some(8)]);
        let memory = Memory::checked();
        let endless = [0xe8u8, 0x40];
        let mut bytes = TableBytes::new(&memory, endless.as_ptr() as usize, endless.len());
        assert_eq!(since_3_11(&mut bytes, 0, 1), Err(NoLines::Unexpected));
    }
}
