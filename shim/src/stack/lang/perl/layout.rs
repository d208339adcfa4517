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
/// Where a sub, format or eval returns to.
pub(super) const BLK_RETOP: usize = 48;
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

/// Of a `struct interpreter`: the operation that runs.
const INTERPRETER_OP: usize = 8;

/// One version's `struct interpreter`.
struct Layout {
    version: u8,
    /// `PL_interp_size` of a build with threads.
    size: u16,
    curcop: usize,
    curstackinfo: usize,
    compiling: usize,
}

const LAYOUTS: &[Layout] = &[
    Layout { version: 32, size: 3792, curcop: 224, curstackinfo: 240, compiling: 1952 },
    Layout { version: 36, size: 3768, curcop: 208, curstackinfo: 224, compiling: 1936 },
    Layout { version: 40, size: 3768, curcop: 208, curstackinfo: 224, compiling: 1720 },
    Layout { version: 42, size: 3768, curcop: 208, curstackinfo: 224, compiling: 1720 },
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
    /// It hangs on a key of each thread, with its fields at these offsets.
    Threaded { key: libc::pthread_key_t, fields: Fields },
    /// There is one, of exported variables at these addresses.
    Plain { fields: Fields },
}

/// Where the fields of an interpreter are.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    op: usize,
    curcop: usize,
    curstackinfo: usize,
    compiling: usize,
}

/// What an interpreter does.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// The operation and the statement being run.
    pub(super) operation: usize,
    pub(super) statement: usize,
    /// The innermost stack of contexts.
    pub(super) stack: usize,
    /// Stands in for a statement at compile time, with the line that the compiler has come to.
    pub(super) compiling: usize,
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
            let fields = Fields {
                op: image.needed(memory, c"PL_op")?,
                curcop: image.needed(memory, c"PL_curcop")?,
                curstackinfo: image.needed(memory, c"PL_curstackinfo")?,
                compiling: image.needed(memory, c"PL_compiling")?,
            };
            return Ok(Self::Plain { fields });
        };
        let key = memory.half(key)?;
        if memory.short(image.needed(memory, c"PL_interp_size")?)? != layout.size {
            return Err(NoLines::UnknownBuild);
        }
        let Layout { curcop, curstackinfo, compiling, .. } = *layout;
        Ok(Self::Threaded { key, fields: Fields { op: INTERPRETER_OP, curcop, curstackinfo, compiling } })
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

    /// What it does on the calling thread.
    ///
    /// # Errors
    /// [`NoLines::NotRunning`] on a thread without an interpreter.
    pub(super) fn now(&self, memory: &Memory) -> Result<Now, NoLines> {
        let interpreter = self.of_this_thread();
        let (Self::Threaded { fields, .. } | Self::Plain { fields }) = self;
        if self.is_threaded() && interpreter == 0 {
            return Err(NoLines::NotRunning);
        }
        Ok(Now {
            operation: memory.word(interpreter.wrapping_add(fields.op))?,
            statement: memory.word(interpreter.wrapping_add(fields.curcop))?,
            stack: memory.word(interpreter.wrapping_add(fields.curstackinfo))?,
            compiling: interpreter.wrapping_add(fields.compiling),
        })
    }
}
