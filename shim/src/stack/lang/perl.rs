//! Perl 5, as Debian and most others build it: with interpreter threads.
//!
//! The interpreter of a thread hangs on a pthread key. From it: `PL_curcop`, the statement being run
//! or, at compile time, the line being compiled; then the context stacks, whose sub, format and eval
//! entries hold the statement that each was called from. Names of subs are not read: a file and a
//! line say where.

use super::image::Image;
use super::memory::Memory;
use super::{Provider, Version};
use crate::cell::{Alone, Bytes};
use alive_wire::{Language, LineWriter, NoLines};
use core::ffi::CStr;

/// Perl.
pub(super) struct Perl;

/// Where things are in a `struct interpreter`; by the interpreter's own headers of each version.
#[derive(Clone, Copy)]
struct Layout {
    version: u8,
    /// `PL_interp_size`.
    size: u16,
    curcop: usize,
    curstackinfo: usize,
}

const LAYOUTS: &[Layout] = &[
    Layout { version: 32, size: 3792, curcop: 224, curstackinfo: 240 },
    Layout { version: 36, size: 3768, curcop: 208, curstackinfo: 224 },
    Layout { version: 40, size: 3768, curcop: 208, curstackinfo: 224 },
    Layout { version: 42, size: 3768, curcop: 208, curstackinfo: 224 },
];

// The same in all of these versions.
const COP_LINE: usize = 36;
const COP_FILE: usize = 48;
const SI_CXSTACK: usize = 8;
const SI_PREV: usize = 16;
const SI_CXIX: usize = 32;
const CONTEXT_BYTES: usize = 104;
const BLK_OLDCOP: usize = 16;
const CXT_SUB: u8 = 9;
const CXT_FORMAT: u8 = 10;
const CXT_EVAL: u8 = 11;

/// Contexts of one stack, and stacks, that are followed.
const DEEPEST: usize = 4096;
const STACKS: usize = 64;

/// Longest file name that is read.
const LONGEST: usize = 400;

#[derive(Clone, Copy)]
struct Found {
    key: libc::pthread_key_t,
    layout: Layout,
}

static FOUND: Alone<Option<Found>> = Alone::new(None);

impl Provider for Perl {
    fn language(&self) -> Language {
        Language::Perl
    }

    fn mark(&self) -> &'static CStr {
        c"PL_thr_key"
    }

    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines> {
        let number = memory.byte(image.needed(memory, c"PL_version")?)?;
        let sub = memory.byte(image.needed(memory, c"PL_subversion")?)?;
        write_version(version, number, sub);
        let key = memory.half(image.needed(memory, c"PL_thr_key")?)?;
        let size = memory.short(image.needed(memory, c"PL_interp_size")?)?;
        let layout = LAYOUTS.iter().find(|layout| layout.version == number).ok_or(NoLines::UnknownVersion)?;
        if layout.size != size {
            return Err(NoLines::UnknownBuild);
        }
        // SAFETY: one thread at a time detects, and nobody captures meanwhile.
        unsafe { FOUND.change(|found| *found = Some(Found { key, layout: *layout })) };
        Ok(())
    }

    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines> {
        let Some(Found { key, layout }) = FOUND.get() else { return Err(NoLines::NoSymbols) };
        // SAFETY: reads a slot of this thread; takes no lock, and any number may be asked for.
        let interpreter = unsafe { libc::pthread_getspecific(*key) } as usize;
        if interpreter == 0 {
            return Err(NoLines::NotRunning);
        }
        let field = |offset: usize| memory.word(interpreter.wrapping_add(offset));
        if !statement(memory, field(layout.curcop)?, lines)? {
            return Ok(());
        }
        let mut info = field(layout.curstackinfo)?;
        for _ in 0..STACKS {
            if info == 0 {
                break;
            }
            let contexts = memory.word(info.wrapping_add(SI_CXSTACK))?;
            let last = memory.half(info.wrapping_add(SI_CXIX))?.cast_signed();
            let count = usize::try_from(last.saturating_add(1)).unwrap_or(0);
            if count > 0 && contexts == 0 {
                return Err(NoLines::Unexpected);
            }
            for index in (0..count).rev().take(DEEPEST) {
                let context = contexts.wrapping_add(index.wrapping_mul(CONTEXT_BYTES));
                if !matches!(memory.byte(context)? & 15, CXT_SUB | CXT_FORMAT | CXT_EVAL) {
                    continue;
                }
                let from = memory.word(context.wrapping_add(BLK_OLDCOP))?;
                if !statement(memory, from, lines)? {
                    return Ok(());
                }
            }
            info = memory.word(info.wrapping_add(SI_PREV))?;
        }
        Ok(())
    }
}

/// Writes where a statement stands; false when there is no more room.
fn statement(memory: &Memory, cop: usize, lines: &mut LineWriter<'_>) -> Result<bool, NoLines> {
    if cop == 0 {
        return Ok(true);
    }
    let line = memory.half(cop.wrapping_add(COP_LINE))?;
    let file = memory.word(cop.wrapping_add(COP_FILE))?;
    if file == 0 {
        return Ok(true);
    }
    let file: Bytes<LONGEST> = memory.c_string(file)?;
    Ok(lines.push(line, file.as_slice(), b""))
}

/// `5.36.0`; the wire's readers want it as Perl itself writes it.
fn write_version(version: &mut Version, number: u8, sub: u8) {
    version.push(b"5.");
    push_number(version, number);
    version.push(b".");
    push_number(version, sub);
}

fn push_number(version: &mut Version, number: u8) {
    let digits = [number / 100, number / 10 % 10, number % 10];
    let first = digits.iter().position(|digit| *digit > 0).unwrap_or(2);
    for digit in digits.iter().skip(first) {
        version.push(&[digit.saturating_add(b'0')]);
    }
}
