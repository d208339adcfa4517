//! Call frame information: from an address to the row that undoes its function's frame.
//!
//! `.eh_frame_hdr` holds a sorted table of {function, its description (FDE)}. An FDE belongs to a
//! CIE with the defaults, and both hold a little program whose instructions build the row: where
//! the caller's stack pointer was (the CFA), and where each kept register was saved.

use super::bytes::{Cursor, Tables};
use super::object::Object;
use crate::arch::REGISTERS;

/// Saved states that `DW_CFA_remember_state` can nest.
const REMEMBERED: usize = 3;

/// Longest entry that is followed, in bytes. Compilers stay far below it; a wrong length would have the
/// walk run through megabytes of other entries.
const LONGEST: usize = 1 << 16;

/// Where the caller's value of a register is.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// In the register still.
    Same,
    /// Nowhere: for the return address, the end of the stack.
    Undefined,
    /// In memory at the CFA plus this.
    At(i64),
    /// Is the CFA plus this.
    Is(i64),
    /// In another register.
    Register(u8),
    /// In memory at the expression's value.
    AtExpression(Cursor),
    /// Is the expression's value.
    IsExpression(Cursor),
}

/// Where the CFA is.
#[derive(Clone, Copy)]
pub(crate) enum Cfa {
    /// A register plus an offset.
    Register(usize, i64),
    /// The value of an expression.
    Expression(Cursor),
}

/// How to undo one frame.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) cfa: Cfa,
    pub(crate) rules: [Rule; REGISTERS],
}

/// A row, with what its CIE says about the frame.
pub(crate) struct Found {
    pub(crate) row: Row,
    /// The frame is a signal trampoline: the address above it is no return address.
    pub(crate) signal: bool,
    /// Column of the return address.
    pub(crate) return_address: usize,
}

/// What a CIE says.
struct Common {
    code_factor: u64,
    data_factor: i64,
    return_address: usize,
    pointer_encoding: u8,
    augmented: bool,
    signal: bool,
    program: Cursor,
}

/// The row for `address` within `object`.
pub(crate) fn find(object: &Object, address: u64) -> Option<Found> {
    look_up(&Tables::of(object), address)
}

/// The row for `address` by these tables.
pub(super) fn look_up(tables: &Tables, address: u64) -> Option<Found> {
    let description = search(tables, address)?;
    let mut body = body(Cursor::new(tables, description)?)?;
    let back = usize::try_from(body.u32()?).ok()?;
    let common = common(tables, body.at.checked_sub(4)?.checked_sub(back)?)?;
    let start = body.encoded(common.pointer_encoding)?;
    let bytes = body.encoded(common.pointer_encoding & 0x0f)?;
    if address < start || address >= start.checked_add(bytes)? {
        return None;
    }
    if common.augmented {
        let skip = body.uleb()?;
        body.skip(usize::try_from(skip).ok()?)?;
    }
    let mut row = Row { cfa: Cfa::Register(0, 0), rules: [Rule::Same; REGISTERS] };
    // The CIE's program holds for the whole function, so it runs to its end.
    run(common.program, &common, &mut row, None, start, u64::MAX)?;
    let initial = row;
    run(body, &common, &mut row, Some(&initial), start, address)?;
    Some(Found { row, signal: common.signal, return_address: common.return_address })
}

/// What follows the length of an entry, as far as the entry goes.
fn body(mut entry: Cursor) -> Option<Cursor> {
    let length = usize::try_from(entry.u32()?).ok()?;
    if length == 0 || length > LONGEST { None } else { entry.limit(length) }
}

/// Address of the FDE whose function is the last to begin at or before `address`.
fn search(tables: &Tables, address: u64) -> Option<usize> {
    let mut header = Cursor::new(tables, tables.header)?;
    let version = header.u8()?;
    let frames_encoding = header.u8()?;
    let count_encoding = header.u8()?;
    let table_encoding = header.u8()?;
    // Every linker of our time writes the sorted table in this one form.
    if version != 1 || count_encoding != 0x03 || table_encoding != 0x3b {
        return None;
    }
    header.encoded(frames_encoding)?;
    let count = usize::try_from(header.u32()?).ok()?;
    let table = header.at;
    let entry = |index: usize| -> Option<(u64, usize)> {
        let mut cursor = Cursor::new(tables, table.checked_add(index.checked_mul(8)?)?)?;
        let function = (tables.header as u64).wrapping_add_signed(i64::from(cursor.i32()?));
        let description = tables.header.wrapping_add_signed(isize::try_from(cursor.i32()?).ok()?);
        Some((function, description))
    };
    let (mut low, mut high) = (0usize, count);
    while low < high {
        let middle = low.midpoint(high);
        if entry(middle)?.0 <= address {
            low = middle.checked_add(1)?;
        } else {
            high = middle;
        }
    }
    Some(entry(low.checked_sub(1)?)?.1)
}

/// Reads the CIE at `at`.
fn common(tables: &Tables, at: usize) -> Option<Common> {
    let mut body = body(Cursor::new(tables, at)?)?;
    if body.u32()? != 0 {
        return None;
    }
    let version = body.u8()?;
    let augmentation = body;
    let mut augmentation_length = 0usize;
    while body.u8()? != 0 {
        augmentation_length = augmentation_length.checked_add(1)?;
    }
    let code_factor = body.uleb()?;
    let data_factor = body.sleb()?;
    let return_address =
        usize::try_from(if version == 1 { u64::from(body.u8()?) } else { body.uleb()? }).ok()?;
    let mut letters = augmentation.limit(augmentation_length)?;
    let mut common = Common {
        code_factor,
        data_factor,
        return_address,
        pointer_encoding: 0,
        augmented: false,
        signal: false,
        program: body,
    };
    let mut data = body;
    while !letters.is_empty() {
        match letters.u8()? {
            b'z' => {
                common.augmented = true;
                let bytes = usize::try_from(data.uleb()?).ok()?;
                common.program = data;
                common.program.skip(bytes)?;
            }
            b'R' => common.pointer_encoding = data.u8()?,
            b'P' => {
                let encoding = data.u8()?;
                // The personality's value is not wanted; indirection does not change its size.
                data.encoded(encoding & 0x0f)?;
            }
            b'L' => data.skip(1)?,
            b'S' => common.signal = true,
            // Pointer authentication with the B key, memory tagging: they change no rule.
            b'B' | b'G' => {}
            _ => return None,
        }
    }
    Some(common)
}

/// Runs instructions until their location passes `address`.
fn run(
    mut code: Cursor,
    common: &Common,
    row: &mut Row,
    initial: Option<&Row>,
    start: u64,
    address: u64,
) -> Option<()> {
    let mut location = start;
    let mut remembered = [*row; REMEMBERED];
    let mut depth = 0usize;
    let factored = |offset: u64| offset.cast_signed().wrapping_mul(common.data_factor);
    while !code.is_empty() {
        let instruction = code.u8()?;
        let low = u64::from(instruction & 0x3f);
        let mut advance = |by: u64| {
            location = location.wrapping_add(by.wrapping_mul(common.code_factor));
            location > address
        };
        match instruction {
            0x40..=0x7f => {
                if advance(low) {
                    return Some(());
                }
            }
            0x80..=0xbf => {
                let offset = factored(code.uleb()?);
                set(row, low, Rule::At(offset));
            }
            0xc0..=0xff => restore(row, initial, low),
            0x00 => {}
            0x01 => {
                location = code.encoded(common.pointer_encoding)?;
                if location > address {
                    return Some(());
                }
            }
            0x02 => {
                if advance(u64::from(code.u8()?)) {
                    return Some(());
                }
            }
            0x03 => {
                if advance(u64::from(code.u16()?)) {
                    return Some(());
                }
            }
            0x04 => {
                if advance(u64::from(code.u32()?)) {
                    return Some(());
                }
            }
            0x05 => {
                let register = code.uleb()?;
                let offset = factored(code.uleb()?);
                set(row, register, Rule::At(offset));
            }
            0x06 => restore(row, initial, code.uleb()?),
            0x07 => set(row, code.uleb()?, Rule::Undefined),
            0x08 => set(row, code.uleb()?, Rule::Same),
            0x09 => {
                let register = code.uleb()?;
                let other = u8::try_from(code.uleb()?).ok()?;
                set(row, register, Rule::Register(other));
            }
            0x0a => {
                *remembered.get_mut(depth)? = *row;
                depth = depth.checked_add(1)?;
            }
            0x0b => {
                depth = depth.checked_sub(1)?;
                *row = *remembered.get(depth)?;
            }
            0x0c => {
                let register = usize::try_from(code.uleb()?).ok()?;
                row.cfa = Cfa::Register(register, code.uleb()?.cast_signed());
            }
            0x0d => {
                let register = usize::try_from(code.uleb()?).ok()?;
                let Cfa::Register(_, offset) = row.cfa else { return None };
                row.cfa = Cfa::Register(register, offset);
            }
            0x0e => {
                let Cfa::Register(register, _) = row.cfa else { return None };
                row.cfa = Cfa::Register(register, code.uleb()?.cast_signed());
            }
            0x0f => row.cfa = Cfa::Expression(block(&mut code)?),
            0x10 => {
                let register = code.uleb()?;
                set(row, register, Rule::AtExpression(block(&mut code)?));
            }
            0x11 => {
                let register = code.uleb()?;
                let offset = code.sleb()?.wrapping_mul(common.data_factor);
                set(row, register, Rule::At(offset));
            }
            0x12 => {
                let register = usize::try_from(code.uleb()?).ok()?;
                row.cfa = Cfa::Register(register, code.sleb()?.wrapping_mul(common.data_factor));
            }
            0x13 => {
                let Cfa::Register(register, _) = row.cfa else { return None };
                row.cfa = Cfa::Register(register, code.sleb()?.wrapping_mul(common.data_factor));
            }
            0x14 => {
                let register = code.uleb()?;
                let offset = factored(code.uleb()?);
                set(row, register, Rule::Is(offset));
            }
            0x15 => {
                let register = code.uleb()?;
                let offset = code.sleb()?.wrapping_mul(common.data_factor);
                set(row, register, Rule::Is(offset));
            }
            0x16 => {
                let register = code.uleb()?;
                set(row, register, Rule::IsExpression(block(&mut code)?));
            }
            // GNU_args_size; aarch64's negate_ra_state, which `plain_address` makes unimportant.
            0x2e => {
                code.uleb()?;
            }
            0x2d => {}
            _ => return None,
        }
    }
    Some(())
}

/// A length and that many bytes.
fn block(code: &mut Cursor) -> Option<Cursor> {
    let length = usize::try_from(code.uleb()?).ok()?;
    let block = code.limit(length)?;
    code.skip(length)?;
    Some(block)
}

/// Sets a register's rule; columns that the walk does not follow (vector registers) are passed over.
fn set(row: &mut Row, register: u64, rule: Rule) {
    if let Some(slot) = usize::try_from(register).ok().and_then(|index| row.rules.get_mut(index)) {
        *slot = rule;
    }
}

/// Puts back the rule that the CIE gave.
fn restore(row: &mut Row, initial: Option<&Row>, register: u64) {
    let rule = usize::try_from(register)
        .ok()
        .and_then(|index| initial.and_then(|row| row.rules.get(index)))
        .copied()
        .unwrap_or(Rule::Same);
    set(row, register, rule);
}
