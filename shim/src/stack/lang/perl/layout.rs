//! Where things are in Perl's structures, by each version's own headers.

use crate::stack::lang::image::Image;
use crate::stack::lang::memory::Memory;
use alive_wire::NoLines;

// The same in all of these versions, with threads and without.
pub(super) const COP_LINE: usize = 36;
/// The file's name where Perl has threads, else a glob named after it.
pub(super) const COP_FILE: usize = 48;
pub(super) const SI_CXSTACK: usize = 8;
pub(super) const SI_PREV: usize = 16;
pub(super) const SI_CXIX: usize = 32;
pub(super) const SI_CXMAX: usize = 36;
pub(super) const SI_TYPE: usize = 44;
pub(super) const CONTEXT_BYTES: usize = 104;
pub(super) const BLK_OLDCOP: usize = 16;
pub(super) const BLK_SUB_CV: usize = 72;
/// Of any value: its body, its type, and the array of a hash.
pub(super) const SV_ANY: usize = 0;
pub(super) const SV_FLAGS: usize = 12;
pub(super) const SV_U: usize = 16;
/// Of a sub's body: its package, its glob or name, its flags.
pub(super) const CV_STASH: usize = 32;
pub(super) const CV_GV: usize = 56;
pub(super) const CV_FLAGS: usize = 92;
/// Of a glob's body: its name and its package.
pub(super) const GV_NAME: usize = 32;
pub(super) const GV_STASH: usize = 40;
/// Of a hash's body: its last bucket.
pub(super) const HV_MAX: usize = 24;
/// Of a stash's further data: how many names it has.
pub(super) const AUX_NAME_COUNT: usize = 28;
/// Of a shared string: its length and its text.
pub(super) const HEK_LENGTH: usize = 4;
pub(super) const HEK_KEY: usize = 8;

/// One version's `struct interpreter`.
struct Layout {
    version: u8,
    /// `PL_interp_size` of a build with threads.
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

/// Where a stash keeps its name.
#[derive(Clone, Copy)]
pub(super) enum StashName {
    /// Behind its buckets.
    BehindBuckets,
    /// In its body, so many bytes on.
    InBody(usize),
}

/// Where stashes of this version keep their names.
pub(super) const fn stash_name(version: u8) -> StashName {
    if version < 36 { StashName::BehindBuckets } else { StashName::InBody(32) }
}

/// How the interpreter of a thread is reached.
#[derive(Clone, Copy)]
pub(super) enum Interpreter {
    /// It hangs on a key of each thread; two of its fields.
    Threaded { key: libc::pthread_key_t, curcop: usize, curstackinfo: usize },
    /// There is one, of exported variables.
    Plain { curcop: usize, curstackinfo: usize },
}

impl Interpreter {
    /// The interpreter of a version, in an object that has the mark.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn find(image: &Image, memory: &Memory, version: u8) -> Result<Self, NoLines> {
        let layout =
            LAYOUTS.iter().find(|layout| layout.version == version).ok_or(NoLines::UnknownVersion)?;
        let Some(key) = image.symbol(memory, c"PL_thr_key") else {
            let curcop = image.needed(memory, c"PL_curcop")?;
            return Ok(Self::Plain { curcop, curstackinfo: image.needed(memory, c"PL_curstackinfo")? });
        };
        let key = memory.half(key)?;
        if memory.short(image.needed(memory, c"PL_interp_size")?)? != layout.size {
            return Err(NoLines::UnknownBuild);
        }
        Ok(Self::Threaded { key, curcop: layout.curcop, curstackinfo: layout.curstackinfo })
    }

    pub(super) const fn is_threaded(&self) -> bool {
        matches!(self, Self::Threaded { .. })
    }

    /// The calling thread's interpreter; 0 where it has none, or where there is one for all.
    pub(super) fn of_this_thread(&self) -> usize {
        match self {
            // SAFETY: reads a slot of this thread; takes no lock, and any number may be asked for.
            Self::Threaded { key, .. } => unsafe { libc::pthread_getspecific(*key) as usize },
            Self::Plain { .. } => 0,
        }
    }

    /// The statement being run, and the innermost stack of contexts.
    ///
    /// # Errors
    /// [`NoLines::NotRunning`] on a thread without an interpreter.
    pub(super) fn now(&self, memory: &Memory) -> Result<(usize, usize), NoLines> {
        let (curcop, curstackinfo) = match self {
            Self::Plain { curcop, curstackinfo } => (*curcop, *curstackinfo),
            Self::Threaded { curcop, curstackinfo, .. } => {
                let interpreter = self.of_this_thread();
                if interpreter == 0 {
                    return Err(NoLines::NotRunning);
                }
                (interpreter.wrapping_add(*curcop), interpreter.wrapping_add(*curstackinfo))
            }
        };
        Ok((memory.word(curcop)?, memory.word(curstackinfo)?))
    }
}
