//! What comes out: programs, merged over all their trees.

use crate::bystanders::Bystanders;

use super::batch::{Interpreter, LineCount, Loss, MemoryFigures, PingRow};
use super::place::{LanguageFrame, Site, Stack};

/// What the processes of a role held: of each process that is kept the latest look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleMemory {
    /// Processes that were read; at most [`MAX_LOOKS`](super::MAX_LOOKS) of each tree.
    pub processes: u64,
    /// Processes that may not be read.
    pub unreadable: u64,
    /// Sums over the processes that were read. Divided by their number they are means.
    pub sum: MemoryFigures,
    /// Largest proportional set size of one process at any look.
    pub max_pss_kib: u64,
    /// Largest unique set size of one process at any look.
    pub max_uss_kib: u64,
    /// Most private dirty memory of one process at any look.
    pub max_private_dirty_kib: u64,
    /// The latest look, microseconds since 1970.
    pub seen_micros: u64,
}

/// A run of a collector on this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Since when it listened, microseconds since 1970.
    pub opened_micros: u64,
    /// Until when that is certain: its end, or its last write where it was killed.
    pub until_micros: u64,
    /// It listens still.
    pub is_open: bool,
}

/// Everything a report needs, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Programs by label.
    pub programs: Vec<Program>,
    /// Taps.
    pub pings: Vec<PingRow>,
    /// Datagrams received since the database was made.
    pub datagrams: u64,
    /// Events decoded since the database was made.
    pub events: u64,
    /// Pings whose own time could not be believed.
    pub odd_clocks: u64,
    /// When collectors listened, in order.
    pub epochs: Vec<Epoch>,
    /// Events that came once more; counted by nothing else.
    pub duplicates: u64,
    /// Losses since the database was made; `sequence_gaps` and `not_sent` summed over the trees.
    pub loss: Loss,
    /// Collector runs that ended without a last flush: up to one flush interval each is unaccounted.
    pub unclean_ends: u64,
    /// What was last seen before this time was dropped, for its age or for want of room, microseconds since 1970;
    /// `None` where nothing was.
    pub dropped_before_micros: Option<u64>,
    /// Up to when this tells, microseconds since 1970: now while a collector writes, else its last flush.
    pub until_micros: u64,
}

/// One program over all its trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// Its label.
    pub label: Vec<u8>,
    /// Trees seen.
    pub trees: u64,
    /// Roles; a role's `parent` is an index into this list.
    pub roles: Vec<Role>,
    /// Loads, in no promised order.
    pub loads: Vec<Load>,
    /// Searches that found nothing.
    pub missing: Vec<Missing>,
    /// Programs that its processes executed, in no promised order.
    pub executed: Vec<Executed>,
    /// Events of its trees that were lost by gaps, without those not sent for the reason [`NUMBERED`](super::NUMBERED).
    pub sequence_gaps: u64,
    /// Events that its processes counted instead of sending, by reason.
    pub not_sent: Vec<(String, u64)>,
    /// The interpreters in its processes.
    pub interpreters: Vec<Interpreter>,
    /// Its loads on behalf of each language's code, with and without lines.
    pub lines: Vec<LineCount>,
}

/// A role of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// Index of the parent role; `None` for the root.
    pub parent: Option<usize>,
    /// Where the parent forks it; `None` for the root.
    pub site: Option<Site>,
    /// The line that calls fork, where it is known.
    pub line: Option<LanguageFrame>,
    /// Processes forked into it over all trees; for the root, the number of trees.
    pub processes: u64,
    /// Trees that have it.
    pub trees: u64,
    /// Nanoseconds that those forks took their forkers, summed; 0 when not known.
    pub fork_nanos: u64,
    /// Resident size of a forker at its last fork that was measured, in KiB; 0 when not known. Where several
    /// trees tell it, that of the latest one.
    pub forker_resident_kib: u32,
    /// What its processes held, where that was looked at.
    pub memory: RoleMemory,
    /// What was in the forkers beside the thread that forked, over all trees; `None` where nobody looked.
    pub bystanders: Option<Bystanders>,
}

/// One load of a program in one role, over all trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Load {
    /// Index of the role.
    pub role: usize,
    /// The file, as the kernel resolved it.
    pub path: Vec<u8>,
    /// The caller's words for it.
    pub name: Vec<u8>,
    /// `library` or `module`.
    pub kind: String,
    /// Language's word.
    pub language: String,
    /// Outcome's word.
    pub outcome: String,
    /// Route's word.
    pub via: String,
    /// The object whose load brought it in.
    pub pulled_in_by: Vec<u8>,
    /// Events.
    pub events: u64,
    /// Distinct processes.
    pub processes: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Nanoseconds in dlopen, summed.
    pub nanos: u64,
    /// See [`LoadRow::respawned`](super::LoadRow::respawned).
    pub respawned: u64,
    /// See [`LoadRow::spans`](super::LoadRow::spans).
    pub spans: u64,
    /// See [`LoadRow::span_nanos`](super::LoadRow::span_nanos).
    pub span_nanos: u64,
    /// See [`LoadRow::span_cpu_nanos`](super::LoadRow::span_cpu_nanos).
    pub span_cpu_nanos: u64,
    /// See [`LoadRow::span_faults`](super::LoadRow::span_faults).
    pub span_faults: u64,
    /// See [`LoadRow::bound_nanos`](super::LoadRow::bound_nanos).
    pub bound_nanos: u64,
    /// First and last event, microseconds since 1970.
    pub first_seen_micros: u64,
    /// See `first_seen_micros`.
    pub last_seen_micros: u64,
    /// Sample stacks.
    pub stacks: Vec<Stack>,
}

/// A program that processes of a role executed, over all trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Index of the role.
    pub role: usize,
    /// Path of the executable.
    pub executable: Vec<u8>,
    /// Label of the program.
    pub program: Vec<u8>,
    /// How often it was executed.
    pub runs: u64,
    /// Nanoseconds of CPU, summed: until it ended, or first forked.
    pub cpu_nanos: u64,
    /// Nanoseconds by the clock, likewise.
    pub wall_nanos: u64,
    /// Largest resident size then, in KiB; 0 when not told.
    pub resident_kib: u32,
    /// First and last event, microseconds since 1970.
    pub first_seen_micros: u64,
    /// See `first_seen_micros`.
    pub last_seen_micros: u64,
}

/// A name that a role searched for and never found, over all trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Index of the role.
    pub role: usize,
    /// The name.
    pub name: Vec<u8>,
    /// Language's word.
    pub language: String,
    /// Searches.
    pub searches: u64,
    /// Failed probes.
    pub probes: u64,
    /// Distinct processes.
    pub processes: u64,
    /// Sample stacks.
    pub stacks: Vec<Stack>,
}
