//! Perl 5, with interpreter threads as Debian builds it and without as the official images do.
//!
//! [`layout`] knows where things are, [`names`] reads the names of files and subs, [`mod@closest`] finds the
//! line within a statement; here the contexts are walked. A frame is what runs by itself: a sub, a format, a file being required, a string being
//! evaluated. The block of an `eval {}` is a part of the sub around it. `PL_curcop` is the statement
//! being run or, at compile time, the line being compiled; each context keeps the statement that it
//! was entered from.
//!
//! `use` enters a BEGIN block at the very line where it stands, and a sub may call itself: of frames
//! that follow each other with the same file and line only the innermost is told. `PL_compiling` stands
//! in for a statement wherever there is none, one for all: a place only while it is the innermost, and
//! a copy of it, without a line, none either.

mod closest;
mod layout;
mod names;

use super::image::Image;
use super::memory::Memory;
use super::{Provider, Version};
use crate::cell::{Alone, Bytes};
use alive_wire::{Language, LineWriter, NoLines};
use closest::{Operation, closest};
use core::ffi::{CStr, c_int};
use layout::{
    BLK_OLDCOP, BLK_RETOP, CONTEXT_BYTES, COP_LINE, Interpreter, Now, SI_CXIX, SI_CXMAX, SI_CXSTACK, SI_PREV,
    SI_TYPE,
};
use names::{File, LONGEST_FILE, Names};

/// Perl.
pub(super) struct Perl;

const CXT_SUB: u8 = 9;
const CXT_FORMAT: u8 = 10;
const CXT_EVAL: u8 = 11;
/// Of a sub's context: the scope around a `(?{ })`, which is no call.
const CXP_SUB_RE_FAKE: u8 = 0x80;
/// Of an eval's context: a block, which is no frame.
const CXP_EVALBLOCK: u8 = 0x40;

/// The outermost stack of an interpreter; others are entered for sort, tie, overload, signals.
const PERLSI_MAIN: u32 = 1;

/// Contexts and stacks that are followed.
const CONTEXTS: usize = 1024;
const STACKS: usize = 64;

/// More contexts than any stack has.
const ABSURD: u32 = 1 << 24;

/// What was found of the interpreter.
#[derive(Clone, Copy)]
struct Found {
    interpreter: Interpreter,
    names: Names,
    /// `Perl_caller_cx`, 0 where it is not exported.
    caller_cx: usize,
}

static FOUND: Alone<Option<Found>> = Alone::new(None);

impl Provider for Perl {
    fn language(&self) -> Language {
        Language::Perl
    }

    fn mark(&self) -> &'static CStr {
        c"perl_construct"
    }

    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines> {
        let number = memory.byte(image.needed(memory, c"PL_version")?)?;
        let sub = memory.byte(image.needed(memory, c"PL_subversion")?)?;
        write_version(version, number, sub);
        let interpreter = Interpreter::find(image, memory, number)?;
        let names = Names { threaded: interpreter.is_threaded(), stash_name: layout::stash_name(number) };
        let caller_cx = image.exported(memory, c"Perl_caller_cx").unwrap_or(0);
        // SAFETY: one thread at a time detects, and nobody captures meanwhile.
        unsafe { FOUND.change(|found| *found = Some(Found { interpreter, names, caller_cx })) };
        Ok(())
    }

    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines> {
        let Some(found) = FOUND.get() else { return Err(NoLines::NoSymbols) };
        let now = found.interpreter.now(memory)?;
        if memory.is_checked() {
            found.agrees_with_caller(memory, now.stack)?;
        }
        let mut frames =
            Frames { memory, names: &found.names, lines, line: 0, file: File::EMPTY, any: false };
        frames.walk(&now)
    }
}

/// One of the stacks of contexts that a thread has.
struct Contexts {
    first: usize,
    count: usize,
    previous: usize,
    is_main: bool,
}

impl Contexts {
    fn of(memory: &Memory, stack: usize) -> Result<Self, NoLines> {
        let first = memory.word(stack.wrapping_add(SI_CXSTACK))?;
        let last = memory.half(stack.wrapping_add(SI_CXIX))?.cast_signed();
        let most = memory.half(stack.wrapping_add(SI_CXMAX))?;
        let count = u32::try_from(last.saturating_add(1)).map_err(|_| NoLines::Unexpected)?;
        if most > ABSURD || count > most.saturating_add(1) || (count > 0 && first == 0) {
            return Err(NoLines::Unexpected);
        }
        Ok(Self {
            first,
            count: usize::try_from(count).map_err(|_| NoLines::Unexpected)?,
            previous: memory.word(stack.wrapping_add(SI_PREV))?,
            is_main: memory.half(stack.wrapping_add(SI_TYPE))? == PERLSI_MAIN,
        })
    }

    /// Addresses of its contexts, innermost first.
    fn innermost_first(&self) -> impl Iterator<Item = usize> + use<> {
        let first = self.first;
        (0..self.count).rev().map(move |index| first.wrapping_add(index.wrapping_mul(CONTEXT_BYTES)))
    }

    fn holds(&self, context: usize) -> bool {
        context.checked_sub(self.first).is_some_and(|offset| {
            offset.checked_rem(CONTEXT_BYTES) == Some(0)
                && offset.checked_div(CONTEXT_BYTES).is_some_and(|index| index < self.count)
        })
    }
}

/// The frames written so far.
struct Frames<'a, 'l, 'b> {
    memory: &'a Memory,
    names: &'a Names,
    lines: &'l mut LineWriter<'b>,
    line: u32,
    file: File,
    any: bool,
}

impl Frames<'_, '_, '_> {
    fn walk(&mut self, now: &Now) -> Result<(), NoLines> {
        let memory = self.memory;
        let Now { operation, mut statement, mut stack, compiling } = *now;
        let mut wanted = Operation::Running(operation);
        let mut left = CONTEXTS;
        for _ in 0..STACKS {
            if stack == 0 {
                return self.push(statement, wanted, None).map(|_| ());
            }
            let contexts = Contexts::of(memory, stack)?;
            for context in contexts.innermost_first() {
                let Some(fewer) = left.checked_sub(1) else {
                    self.lines.leave_out();
                    return Ok(());
                };
                left = fewer;
                let kind = memory.byte(context)?;
                let sub = match kind & 15 {
                    CXT_SUB if kind & CXP_SUB_RE_FAKE == 0 => Some(context),
                    CXT_FORMAT => Some(context),
                    CXT_EVAL if kind & CXP_EVALBLOCK == 0 => None,
                    _ => continue,
                };
                if !self.push(statement, wanted, sub)? {
                    return Ok(());
                }
                let from = memory.word(context.wrapping_add(BLK_OLDCOP))?;
                statement = if from == compiling { 0 } else { from };
                wanted = Operation::Before(memory.word(context.wrapping_add(BLK_RETOP))?);
            }
            stack = contexts.previous;
        }
        self.lines.leave_out();
        Ok(())
    }

    /// Writes where a statement stands; false when there is no more room.
    fn push(&mut self, statement: usize, wanted: Operation, sub: Option<usize>) -> Result<bool, NoLines> {
        if statement == 0 {
            return Ok(true);
        }
        let Some(file) = self.names.file_of(self.memory, statement)? else { return Ok(true) };
        let closest = closest(self.memory, statement, wanted)?;
        let line = match self.memory.half(closest.wrapping_add(COP_LINE))? {
            // Perl's own word for no line.
            u32::MAX => 0,
            line => line,
        };
        let no_place = line == 0 || (line == self.line && file.as_slice() == self.file.as_slice());
        if self.any && no_place {
            return Ok(true);
        }
        let name = match sub {
            Some(context) => self.names.sub_of(self.memory, context)?,
            None => Bytes::EMPTY,
        };
        if file.as_slice().len() == LONGEST_FILE {
            self.lines.leave_out();
        }
        let room = self.lines.push(line, file.as_slice(), name.as_slice());
        (self.line, self.file, self.any) = (line, file, true);
        Ok(room)
    }
}

impl Found {
    /// Asks Perl for the context that called last: it has to be one of those found.
    ///
    /// Perl goes outwards to the main stack without a look whether there is one, so it is asked only
    /// where that was found.
    #[cold]
    fn agrees_with_caller(&self, memory: &Memory, innermost: usize) -> Result<(), NoLines> {
        if self.caller_cx == 0 {
            return Ok(());
        }
        let chain = |wanted: usize| -> Result<(bool, bool), NoLines> {
            let mut stack = innermost;
            for _ in 0..STACKS {
                if stack == 0 {
                    break;
                }
                let contexts = Contexts::of(memory, stack)?;
                if contexts.holds(wanted) || contexts.is_main {
                    return Ok((contexts.holds(wanted), contexts.is_main));
                }
                stack = contexts.previous;
            }
            Ok((false, false))
        };
        let (_, reaches_main) = chain(0)?;
        if !reaches_main {
            return Ok(());
        }
        let context = self.interpreter.caller(self.caller_cx);
        if context == 0 {
            return Ok(());
        }
        let (holds, _) = chain(context)?;
        let kind = if holds { memory.byte(context)? & 15 } else { 0 };
        matches!(kind, CXT_SUB | CXT_FORMAT | CXT_EVAL).then_some(()).ok_or(NoLines::Unexpected)
    }
}

impl Interpreter {
    /// The context that `caller` would tell of, 0 outside of any; by the address of `Perl_caller_cx`.
    fn caller(&self, function: usize) -> usize {
        let none = core::ptr::null_mut::<usize>();
        let address = function as *const ();
        match self {
            Self::Threaded { .. } => {
                // SAFETY: perlapi gives it this type where Perl has threads.
                let call = unsafe {
                    core::mem::transmute::<*const (), extern "C" fn(usize, c_int, *mut usize) -> usize>(
                        address,
                    )
                };
                call(self.of_this_thread(), 0, none)
            }
            Self::Plain { .. } => {
                // SAFETY: perlapi gives it this type where Perl has none.
                let call = unsafe {
                    core::mem::transmute::<*const (), extern "C" fn(c_int, *mut usize) -> usize>(address)
                };
                call(0, none)
            }
        }
    }
}

/// `5.36.0`, as Perl itself writes it.
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
