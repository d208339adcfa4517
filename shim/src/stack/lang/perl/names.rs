//! The names of Perl's files and subs: `app.psgi`, `Shop::Cart::add`.
//!
//! A sub whose glob is gone by now has no name, and one whose package is gone is of `__ANON__`, in
//! Perl's words; that is nothing odd.

use super::layout::{
    AUX_NAME_COUNT, BLK_SUB_CV, COP_FILE, CV_FLAGS, CV_GV, CV_STASH, GV_NAME, GV_STASH, HEK_KEY, HEK_LENGTH,
    HV_MAX, SV_ANY, SV_FLAGS, SV_U, StashName,
};
use crate::cell::Bytes;
use crate::stack::lang::memory::Memory;
use alive_wire::NoLines;

/// A file's name; of a longer one, its beginning.
pub(super) type File = Bytes<LONGEST_FILE>;
pub(super) const LONGEST_FILE: usize = 400;

/// A sub's name with its package; of a longer one, its beginning, which is more than is ever told.
pub(super) type Sub = Bytes<256>;

/// Longest name of a package or a sub that is no sign of something odd.
const LONGEST: usize = 1 << 20;

const SVT_PVGV: u32 = 9;
const SVT_PVHV: u32 = 12;
const SVT_PVCV: u32 = 13;
const SVT_PVFM: u32 = 14;
/// A hash with further data, so a stash with a name.
const SVF_OOK: u32 = 0x0200_0000;
/// A sub that bears its name itself, without a glob.
const CVF_NAMED: u32 = 0x8000;
/// A `my sub`, which is in no package.
const CVF_LEXICAL: u32 = 0x1_0000;

/// How names are read.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) threaded: bool,
    pub(super) stash_name: StashName,
}

impl Names {
    /// The file that a statement stands in.
    ///
    /// # Errors
    /// [`NoLines::Unexpected`] where it is not as it should be.
    pub(super) fn file_of(&self, memory: &Memory, statement: usize) -> Result<Option<File>, NoLines> {
        let file = memory.word(statement.wrapping_add(COP_FILE))?;
        if file == 0 {
            return Ok(None);
        }
        if self.threaded {
            return memory.c_string(file).map(Some);
        }
        let glob = body(memory, file, |kind| kind == SVT_PVGV)?;
        let name: File = text(memory, memory.word(glob.wrapping_add(GV_NAME))?)?;
        name.as_slice().strip_prefix(b"_<").map(|name| Some(File::of(name))).ok_or(NoLines::Unexpected)
    }

    /// The sub that a context entered, empty where it has no name.
    ///
    /// # Errors
    /// [`NoLines::Unexpected`] where it is not as it should be.
    pub(super) fn sub_of(&self, memory: &Memory, context: usize) -> Result<Sub, NoLines> {
        let sub = memory.word(context.wrapping_add(BLK_SUB_CV))?;
        if sub == 0 {
            return Ok(Sub::EMPTY);
        }
        let sub = body(memory, sub, |kind| matches!(kind, SVT_PVCV | SVT_PVFM))?;
        let named_by = memory.word(sub.wrapping_add(CV_GV))?;
        if named_by == 0 {
            return Ok(Sub::EMPTY);
        }
        let flags = memory.half(sub.wrapping_add(CV_FLAGS))?;
        let (name, package) = if flags & CVF_NAMED != 0 {
            (named_by, memory.word(sub.wrapping_add(CV_STASH))?)
        } else {
            let glob = body(memory, named_by, |kind| kind == SVT_PVGV)?;
            (memory.word(glob.wrapping_add(GV_NAME))?, memory.word(glob.wrapping_add(GV_STASH))?)
        };
        let mut full = Sub::EMPTY;
        if flags & CVF_LEXICAL == 0 {
            full = self.package(memory, package)?;
            full.push(b"::");
        }
        full.push(text::<256>(memory, name)?.as_slice());
        Ok(full)
    }

    fn package(&self, memory: &Memory, stash: usize) -> Result<Sub, NoLines> {
        let none = || Ok(Sub::of(b"__ANON__"));
        if stash == 0 {
            return none();
        }
        let flags = memory.half(stash.wrapping_add(SV_FLAGS))?;
        let hash = body(memory, stash, |kind| kind == SVT_PVHV)?;
        if flags & SVF_OOK == 0 {
            return none();
        }
        let further = match self.stash_name {
            StashName::InBody(offset) => hash.wrapping_add(offset),
            StashName::BehindBuckets => {
                let buckets = memory.word(hash.wrapping_add(HV_MAX))?.wrapping_add(1);
                memory.word(stash.wrapping_add(SV_U))?.wrapping_add(buckets.wrapping_mul(8))
            }
        };
        let name = memory.word(further)?;
        let name = match memory.half(further.wrapping_add(AUX_NAME_COUNT))? {
            0 => name,
            // Several, of which the first is the one it was made with.
            _ if name != 0 => memory.word(name)?,
            _ => 0,
        };
        if name == 0 { none() } else { text(memory, name) }
    }
}

/// The body of a value whose type is expected.
fn body(memory: &Memory, value: usize, expected: impl Fn(u32) -> bool) -> Result<usize, NoLines> {
    if !expected(memory.half(value.wrapping_add(SV_FLAGS))? & 0xff) {
        return Err(NoLines::Unexpected);
    }
    memory.word(value.wrapping_add(SV_ANY))
}

/// A shared string; of a longer one, its beginning.
fn text<const N: usize>(memory: &Memory, string: usize) -> Result<Bytes<N>, NoLines> {
    let length = memory.half(string.wrapping_add(HEK_LENGTH))?;
    let length = usize::try_from(length).map_err(|_| NoLines::Unexpected)?;
    if length > LONGEST {
        return Err(NoLines::Unexpected);
    }
    memory.text(string.wrapping_add(HEK_KEY), length)
}
