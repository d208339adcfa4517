//! What an event carries behind its header: records of `{u8 type, u16 length, payload}`.
//!
//! Every record is optional and may come in any order, with two exceptions: [`Record::Lineage`]
//! records stand outermost fork first, and [`Record::Module`] records are numbered 0, 1, 2... in
//! the order they stand, which is how frames and fork sites name them. A module may come behind
//! the record that names it. Bytes at the end of a payload that this version does not know are
//! ignored, except where the payload is a plain string.
//!
//! | type | record | payload |
//! |---|---|---|
//! | 1 | path | bytes |
//! | 2 | name | bytes |
//! | 3 | program | bytes |
//! | 4 | executable | bytes |
//! | 5 | code | u8 kind, u8 language, u8 outcome, u8 via |
//! | 6 | pulled in by | bytes |
//! | 7 | file size | u64 bytes |
//! | 8 | usage | of the loading thread since it began: u64 minor faults, u32 thread id, u64 nanoseconds of CPU; an older sender ends behind the faults |
//! | 9 | duration | u64 nanoseconds, of the dlopen |
//! | 10 | lineage | u16 role, u32 forks, u32 ordinal, u32 forker's pid, u8 module, u64 offset, u64 nanoseconds of forking, u32 KiB resident, then the line that forked as in record 13, if it is known |
//! | 11 | module | u8 length, build id, then the path |
//! | 12 | native frames | {u8 module, LEB128 offset} innermost first |
//! | 13 | language stack | u8 language, then the frames packed as in [`crate::lines`], innermost first |
//! | 14 | not sent | u8 reason, u64 count |
//! | 15 | search | u32 failed probes |
//! | 16 | field | u8 length, key, then the value |
//! | 17 | shim version | bytes |
//! | 18 | interpreter | u8 language, u8 why its lines are not read (0: they are), then its version |
//! | 19 | bystanders | u16 role, u32 threads, u32 sockets, u8 bits of [`crate::bystanders`], u32 most threads, u32 most sockets, then names of threads with a zero between two |
//! | 20 | toll | u64 CPU nanoseconds, u64 wall nanoseconds, u32 KiB resident |

use crate::bystanders::Bystanders;
use crate::error::Error;
use crate::fields::Fields;
pub use crate::frames::{Frame, Frames};
use crate::lines::LanguageStack;
use crate::vocabulary::{CodeKind, Language, Outcome, Via};

/// Record types on the wire.
pub mod types {
    #![expect(missing_docs, reason = "the table in the module's documentation is their description")]
    pub const PATH: u8 = 1;
    pub const NAME: u8 = 2;
    pub const PROGRAM: u8 = 3;
    pub const EXECUTABLE: u8 = 4;
    pub const CODE: u8 = 5;
    pub const PULLED_IN_BY: u8 = 6;
    pub const FILE_BYTES: u8 = 7;
    pub const USAGE: u8 = 8;
    pub const DURATION: u8 = 9;
    pub const LINEAGE: u8 = 10;
    pub const MODULE: u8 = 11;
    pub const FRAMES: u8 = 12;
    pub const LANGUAGE_STACK: u8 = 13;
    pub const NOT_SENT: u8 = 14;
    pub const SEARCH: u8 = 15;
    pub const FIELD: u8 = 16;
    pub const SHIM_VERSION: u8 = 17;
    pub const INTERPRETER: u8 = 18;
    pub const BYSTANDERS: u8 = 19;
    pub const TOLL: u8 = 20;
}

/// Module number of a frame or fork site that lies in no known module; its offset is an address.
pub const NO_MODULE: u8 = 0xff;

/// What was loaded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Library or module; `None` for a byte this reader does not know (as in all four).
    pub kind: Option<CodeKind>,
    /// Whose code.
    pub language: Option<Language>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// By which route.
    pub via: Option<Via>,
}

/// One fork between the root and the process: the chain of these is its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage<'a> {
    /// Number of this role in the tree; the root's role is 0. The same role after a respawn has the same number.
    pub role: u16,
    /// How many processes of this role were forked so far.
    pub forks: u32,
    /// Which of them this one is, from 1; 0 when not known.
    pub ordinal: u32,
    /// The process that called fork.
    pub forker_pid: u32,
    /// Module that called fork, or [`NO_MODULE`].
    pub module: u8,
    /// Where in the module, counted from its load bias; the return address of the call.
    pub offset: u64,
    /// Nanoseconds that the forks into this role took their forkers, summed; 0 when not told.
    pub fork_nanos: u64,
    /// Resident size of the forker at the last fork that was measured, in KiB; 0 when not told.
    pub resident_kib: u32,
    /// The line that called fork, one frame; empty when it is not known.
    pub line: LanguageStack<'a>,
}

/// A payload without the line, told apart by how far its fields reach.
type LineageFields = [u8; 35];

impl<'a> Lineage<'a> {
    /// Reads the payload of a [`types::LINEAGE`] record.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is shorter than its fields.
    #[inline]
    pub fn read(payload: &'a [u8]) -> Result<Self, Error> {
        // One check for all fields: every event of a worker has several of these.
        let (fields, line) = payload.split_first_chunk().ok_or(Error::Malformed)?;
        let &[r0, r1, f0, f1, f2, f3, o0, o1, o2, o3, p0, p1, p2, p3, module, ref rest @ ..]: &LineageFields =
            fields;
        let &[a0, a1, a2, a3, a4, a5, a6, a7, n0, n1, n2, n3, n4, n5, n6, n7, k0, k1, k2, k3] = rest;
        Ok(Self {
            role: u16::from_le_bytes([r0, r1]),
            forks: u32::from_le_bytes([f0, f1, f2, f3]),
            ordinal: u32::from_le_bytes([o0, o1, o2, o3]),
            forker_pid: u32::from_le_bytes([p0, p1, p2, p3]),
            module,
            offset: u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
            fork_nanos: u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            resident_kib: u32::from_le_bytes([k0, k1, k2, k3]),
            line: match line.split_first() {
                Some((&language, packed)) => {
                    LanguageStack { language: Language::from_byte(language), packed }
                }
                None => LanguageStack::NONE,
            },
        })
    }
}

/// What an image took so far, from the shim's constructor on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Toll {
    /// Nanoseconds of CPU of all its threads.
    pub cpu_nanos: u64,
    /// Nanoseconds by the clock.
    pub wall_nanos: u64,
    /// Resident size now, in KiB; 0 when not told.
    pub resident_kib: u32,
}

/// A mapped object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module<'a> {
    /// GNU build id, empty when it has none.
    pub build_id: &'a [u8],
    /// Its path as the link map has it.
    pub path: &'a [u8],
}

impl<'a> Module<'a> {
    /// Reads the payload of a [`types::MODULE`] record.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is shorter than its build id.
    #[inline]
    pub fn read(payload: &'a [u8]) -> Result<Self, Error> {
        let (&length, rest) = payload.split_first().ok_or(Error::Malformed)?;
        let (build_id, path) = rest.split_at_checked(usize::from(length)).ok_or(Error::Malformed)?;
        Ok(Self { build_id, path })
    }
}

/// Why an event was counted instead of sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// A seccomp filter forbids to open sockets.
    Sandbox = 1,
    /// The signal stack was too small for a report.
    SmallStack = 2,
    /// The kernel refused the socket or the datagram.
    SendFailed = 3,
    /// The link map changed in a way that could not be followed.
    LinkMap = 4,
}

impl Reason {
    /// Every reason, in the order of the wire values.
    pub const ALL: [Self; 4] = [Self::Sandbox, Self::SmallStack, Self::SendFailed, Self::LinkMap];

    /// The word in the store and the report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::SmallStack => "small-stack",
            Self::SendFailed => "send-failed",
            Self::LinkMap => "link-map",
        }
    }

    /// The reason for a byte, if this reader knows it.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Sandbox),
            2 => Some(Self::SmallStack),
            3 => Some(Self::SendFailed),
            4 => Some(Self::LinkMap),
            _ => None,
        }
    }
}

/// What a thread has used since it began, by the kernel's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Minor page faults.
    pub faults: u64,
    /// The thread's id; 0 when not told.
    pub thread: u32,
    /// Nanoseconds of CPU, in user and in kernel mode; told together with the thread.
    pub cpu_nanos: u64,
}

/// One record, decoded but not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record<'a> {
    /// The file, as the kernel resolved it.
    Path(&'a [u8]),
    /// The file or module in the caller's words; the name of a ping.
    Name(&'a [u8]),
    /// Label of the program: `ALIVE_NAME`, else the script's or executable's name.
    Program(&'a [u8]),
    /// Path of the executable.
    Executable(&'a [u8]),
    /// What was loaded.
    Code(Code),
    /// The object whose load brought this one in.
    PulledInBy(&'a [u8]),
    /// Size of the file in bytes.
    FileBytes(u64),
    /// What the loading thread has used since it began.
    Usage(Usage),
    /// Nanoseconds that the dlopen took.
    Duration(u64),
    /// One fork of the process's ancestry, outermost first.
    Lineage(Lineage<'a>),
    /// A module that frames and fork sites name by number.
    Module(Module<'a>),
    /// The native stack.
    Frames(Frames<'a>),
    /// The stack of the interpreted language.
    LanguageStack(LanguageStack<'a>),
    /// An interpreter in the process, or why this event has no lines of it.
    Interpreter {
        /// Whose; `None` for a byte this reader does not know.
        language: Option<Language>,
        /// The wire's byte for a [`crate::NoLines`]; 0 when its lines are read.
        no_lines: u8,
        /// Its version in its own words, where it is known.
        version: &'a [u8],
    },
    /// What was in the forker beside the thread that forked.
    Bystanders(Bystanders<'a>),
    /// What the image took so far: at a start until its first fork, at an end in all.
    Toll(Toll),
    /// Events of this tree that were counted instead of sent, for one reason.
    NotSent {
        /// The wire's byte for a [`Reason`].
        reason: u8,
        /// How many since the tree began.
        count: u64,
    },
    /// Probes of a search that found nothing.
    Search {
        /// Failed calls.
        probes: u32,
    },
    /// A key and a value that came with a ping.
    Field {
        /// Key.
        key: &'a [u8],
        /// Value.
        value: &'a [u8],
    },
    /// Version of the shim.
    ShimVersion(&'a [u8]),
    /// A type this reader does not know; skipped by its length.
    Unknown(u8),
}

impl<'a> Record<'a> {
    /// Reads one payload of the given type, one of [`types`] or any other.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a known type is shorter than its fields.
    // Where a reader takes the record apart at once, no record needs to be put together.
    #[inline(always)]
    pub fn read(kind: u8, payload: &'a [u8]) -> Result<Self, Error> {
        let mut fields = Fields(payload);
        Ok(match kind {
            types::PATH => Self::Path(payload),
            types::NAME => Self::Name(payload),
            types::PROGRAM => Self::Program(payload),
            types::EXECUTABLE => Self::Executable(payload),
            types::PULLED_IN_BY => Self::PulledInBy(payload),
            types::SHIM_VERSION => Self::ShimVersion(payload),
            types::CODE => {
                let [kind, language, outcome, via] = fields.array()?;
                Self::Code(Code {
                    kind: CodeKind::from_byte(kind),
                    language: Language::from_byte(language),
                    outcome: Outcome::from_byte(outcome),
                    via: Via::from_byte(via),
                })
            }
            types::FILE_BYTES => Self::FileBytes(fields.u64()?),
            types::USAGE => {
                let faults = fields.u64()?;
                let Ok([t0, t1, t2, t3, rest @ ..]) = fields.array::<12>() else {
                    return Ok(Self::Usage(Usage { faults, ..Usage::default() }));
                };
                Self::Usage(match u32::from_le_bytes([t0, t1, t2, t3]) {
                    0 => Usage { faults, ..Usage::default() },
                    thread => Usage { faults, thread, cpu_nanos: u64::from_le_bytes(rest) },
                })
            }
            types::DURATION => Self::Duration(fields.u64()?),
            types::LINEAGE => Self::Lineage(Lineage::read(payload)?),
            types::MODULE => Self::Module(Module::read(payload)?),
            types::FRAMES => Self::Frames(Frames::new(payload)),
            types::LANGUAGE_STACK => {
                let language = Language::from_byte(fields.u8()?);
                Self::LanguageStack(LanguageStack { language, packed: fields.0 })
            }
            types::INTERPRETER => Self::Interpreter {
                language: Language::from_byte(fields.u8()?),
                no_lines: fields.u8()?,
                version: fields.0,
            },
            types::BYSTANDERS => Self::Bystanders(Bystanders {
                role: fields.u16()?,
                threads: fields.u32()?,
                sockets: fields.u32()?,
                bits: fields.u8()?,
                most_threads: fields.u32()?,
                most_sockets: fields.u32()?,
                names: fields.0,
            }),
            types::TOLL => Self::Toll(Toll {
                cpu_nanos: fields.u64()?,
                wall_nanos: fields.u64()?,
                resident_kib: fields.u32()?,
            }),
            types::NOT_SENT => Self::NotSent { reason: fields.u8()?, count: fields.u64()? },
            types::SEARCH => Self::Search { probes: fields.u32()? },
            types::FIELD => {
                let length = usize::from(fields.u8()?);
                Self::Field { key: fields.take(length)?, value: fields.0 }
            }
            other => Self::Unknown(other),
        })
    }
}
