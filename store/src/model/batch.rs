//! What goes in: sums since the last batch.

use crate::bystanders::Bystanders;

use super::place::{RoleChain, Stack, TreeKey};

/// The forks into a role of a tree, by the tree's own count: absolute figures that grow and never shrink.
///
/// One chain of places may have several numbers, before and after its daemon became a daemon. Each number
/// counts for itself; the forks into the role are the sum over its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleCount {
    /// The tree.
    pub tree: TreeKey,
    /// Fork sites from the root down to this role.
    pub chain: RoleChain,
    /// The tree's number for the role; 0 where each process numbers roles for itself.
    pub number: u16,
    /// Processes forked into the role under this number so far.
    pub forks: u32,
    /// Nanoseconds that those forks took their forkers, summed; 0 when not told.
    pub fork_nanos: u64,
    /// Resident size of the forker at the last fork that was measured, in KiB; 0 when not told.
    pub resident_kib: u32,
    /// What was in the forkers beside the thread that forked; `None` when not told.
    pub bystanders: Option<Bystanders>,
}

/// A forked process turned out to be the heir of a root that went into the background.
///
/// Whatever its role did until then was start-up and belongs to the root's role; roles below it hang from
/// the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebase {
    /// The tree.
    pub tree: TreeKey,
    /// Fork sites from the root down to the heir, as they stand after the rebases before this one.
    pub chain: RoleChain,
    /// The tree's number for the heir's role, by which later events name it; `None` where each process
    /// numbers roles for itself.
    pub number: Option<u16>,
}

/// An interpreter in a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interpreter {
    /// Language's word on the wire.
    pub language: String,
    /// Its version in its own words, empty when not known.
    pub version: Vec<u8>,
    /// Why its lines are not read, by the reason's word; `None` when they are.
    pub no_lines: Option<String>,
}

/// Loads on behalf of a language's code, by whether the lines that asked were read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineCount {
    /// Language's word on the wire.
    pub language: String,
    /// Why there are no lines, by the reason's word; `None` when there are.
    pub no_lines: Option<String>,
    /// Events.
    pub loads: u64,
}

/// In the place of a reason's word: the event did not say why it has no lines.
pub const UNTOLD: &str = "untold";

/// The one reason for not sending that an event gets only after it took its number in the sequence.
pub const NUMBERED: &str = "send-failed";

/// A tree as the collector knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeRow {
    /// Which tree.
    pub key: TreeKey,
    /// Label of the program: `ALIVE_NAME`, else its script's or executable's name.
    pub program: Vec<u8>,
    /// Path of the executable, empty when not told.
    pub executable: Vec<u8>,
    /// Version of the shim in it, empty when not told.
    pub shim_version: Vec<u8>,
    /// First and last event, microseconds since 1970.
    pub first_seen_micros: u64,
    /// See `first_seen_micros`.
    pub last_seen_micros: u64,
    /// Highest sequence number accounted for; a collector that starts again goes on from here.
    pub sequence: u64,
    /// Numbers up to `sequence` that have not come, absolute. Those of events that were not sent for the
    /// reason [`NUMBERED`] are among them.
    pub gaps: u64,
    /// Events that the tree's processes counted instead of sending, by reason's word, absolute.
    pub not_sent: Vec<(String, u64)>,
    /// The interpreters in its processes.
    pub interpreters: Vec<Interpreter>,
}

/// Trees that are known by name, those that spoke last: a collector that starts again goes on with them where the
/// last one stopped. What those before them told is kept, but not who it was.
pub const MAX_TREES: u32 = 32_768;

/// What a collector that starts again must know of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeMark {
    /// See [`TreeRow::sequence`].
    pub sequence: u64,
    /// See [`TreeRow::gaps`].
    pub gaps: u64,
    /// Numbers of the roles whose process turned out to be the heir of the root: see [`Rebase::number`].
    pub rebased: Vec<u16>,
}

/// A look at the memory of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRow {
    /// The tree.
    pub tree: TreeKey,
    /// The role of the process.
    pub chain: RoleChain,
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did: with the pid it names the process.
    pub start_ticks: u64,
    /// When it was looked at, microseconds since 1970.
    pub seen_micros: u64,
    /// What it held; `None` when that may not be read.
    pub figures: Option<MemoryFigures>,
}

/// What a process held, in KiB as the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryFigures {
    /// Proportional set size: shared pages in proportion.
    pub pss_kib: u64,
    /// Unique set size: private pages, clean and dirty.
    pub uss_kib: u64,
    /// Private pages that were written.
    pub private_dirty_kib: u64,
    /// Shared pages, counted in full.
    pub shared_kib: u64,
    /// In swap.
    pub swap_kib: u64,
}

/// Processes of each role whose latest look is kept.
pub const MAX_LOOKS: u32 = 64;

/// What one load is aggregated under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LoadKey {
    /// The tree.
    pub tree: TreeKey,
    /// The role that loaded it.
    pub chain: RoleChain,
    /// The file, as the kernel resolved it.
    pub path: Vec<u8>,
    /// `library` or `module`.
    pub kind: String,
}

/// Sums of one load since the last batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadRow {
    /// What it is aggregated under.
    pub key: LoadKey,
    /// The caller's words for it, empty when not told.
    pub name: Vec<u8>,
    /// Language's word on the wire.
    pub language: String,
    /// Outcome's word on the wire.
    pub outcome: String,
    /// Route's word on the wire.
    pub via: String,
    /// The object whose load brought it in, empty when none is known.
    pub pulled_in_by: Vec<u8>,
    /// Events.
    pub events: u64,
    /// Distinct processes that had not loaded it before.
    pub processes: u64,
    /// Size of the file, largest seen.
    pub bytes: u64,
    /// Nanoseconds in dlopen, summed.
    pub nanos: u64,
    /// Of `processes`, those forked after another process of the role had loaded it: work that a preload at that
    /// time would have spared.
    pub respawned: u64,
    /// Events whose end was seen: what the three sums below are over.
    pub spans: u64,
    /// Nanoseconds between such an event and its thread's next one, while the thread was at this file; summed.
    pub span_nanos: u64,
    /// Nanoseconds of the thread's CPU in that time, summed.
    pub span_cpu_nanos: u64,
    /// Minor page faults of the thread in that time, summed.
    pub span_faults: u64,
    /// Nanoseconds until the thread's next load, the least of those events whose end was not seen: it ended before;
    /// 0 when there is none.
    pub bound_nanos: u64,
    /// First and last event, microseconds since 1970.
    pub first_seen_micros: u64,
    /// See `first_seen_micros`.
    pub last_seen_micros: u64,
    /// A few stacks; the store keeps the first [`MAX_STACKS`] distinct ones of each load.
    pub stacks: Vec<Stack>,
}

/// Sample stacks kept of each load.
pub const MAX_STACKS: usize = 3;

/// A name that was searched for and never found, since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRow {
    /// The tree.
    pub tree: TreeKey,
    /// The role that searched.
    pub chain: RoleChain,
    /// The name.
    pub name: Vec<u8>,
    /// Language's word on the wire.
    pub language: String,
    /// Searches: events.
    pub searches: u64,
    /// Failed probes, summed.
    pub probes: u64,
    /// Distinct processes.
    pub processes: u64,
    /// Of what is stored already: processes that found the name after all. What is stored falls by as many
    /// before the rest is added; at 0 it is gone.
    pub taken_back: u64,
    /// A few stacks.
    pub stacks: Vec<Stack>,
}

/// Runs of a program that processes of a role executed, since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutedRow {
    /// The tree of the process that executed it.
    pub tree: TreeKey,
    /// Its role.
    pub chain: RoleChain,
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

/// Hits of a tap since the last batch, by the place it stands in and by who sent them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PingRow {
    /// Name of the tap.
    pub name: Vec<u8>,
    /// File it stands in, empty when not told.
    pub file: Vec<u8>,
    /// Line, 0 when not told.
    pub line: u32,
    /// Label of the program, empty when not told.
    pub service: Vec<u8>,
    /// Name of the machine, empty when not told.
    pub host: Vec<u8>,
    /// Hits.
    pub hits: u64,
    /// Distinct processes; an estimate, because a process may be forgotten, and without a pid 0.
    pub processes: u64,
    /// Function it stands in, of the last hit; empty when not told, as in the two below.
    pub function: Vec<u8>,
    /// Who called that function.
    pub caller: Vec<u8>,
    /// Whatever else the sender told.
    pub context: Vec<(Vec<u8>, Vec<u8>)>,
    /// First and last hit, microseconds since 1970.
    pub first_seen_micros: u64,
    /// See `first_seen_micros`.
    pub last_seen_micros: u64,
}

/// What the collector knows to be lost. The three ways of counting are never added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loss {
    /// Datagrams that the kernel dropped because the receive buffer was full. Exact.
    pub kernel_drops: u64,
    /// Events missing by gaps in the trees' sequences, without those not sent for the reason [`NUMBERED`].
    pub sequence_gaps: u64,
    /// Datagrams or events that could not be read.
    pub malformed: u64,
    /// Datagrams longer than the wire allows.
    pub truncated: u64,
    /// Events of another major version of the wire.
    pub unsupported_version: u64,
    /// Events that came when the collector's memory was at its cap; counted by nothing else.
    pub over_cap: u64,
    /// Events that claimed another process than the one which the kernel says sent them. Not lost: never stored.
    pub forged: u64,
    /// Events that the traced processes counted instead of sending.
    pub not_sent: u64,
    /// Lines that could not be written to the events file.
    pub events_file: u64,
}

/// Everything since the last batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Trees that spoke; absolute, not sums.
    pub trees: Vec<TreeRow>,
    /// Rebases, in the order of their coming. They move what is stored already; the sums below came after them.
    pub rebases: Vec<Rebase>,
    /// Roles whose count changed; absolute.
    pub roles: Vec<RoleCount>,
    /// Looks at the memory of processes.
    pub memory: Vec<MemoryRow>,
    /// Loads.
    pub loads: Vec<LoadRow>,
    /// Of the loads, those with and without lines; sums.
    pub lines: Vec<(TreeKey, LineCount)>,
    /// Searches that found nothing.
    pub missing: Vec<MissingRow>,
    /// Programs that were executed.
    pub executed: Vec<ExecutedRow>,
    /// Pings.
    pub pings: Vec<PingRow>,
    /// Datagrams received since the last batch.
    pub datagrams: u64,
    /// Events decoded since the last batch.
    pub events: u64,
    /// Pings since the last batch whose own time could not be believed; they count at the time they came.
    pub odd_clocks: u64,
    /// Events that came once more since the last batch; counted by nothing else.
    pub duplicates: u64,
    /// Losses since the last batch, except `sequence_gaps` and `not_sent`, which stand in `trees`.
    pub loss: Loss,
    /// Receive queues that outlive the collector, by name: drops that the kernel counted since each was made.
    pub queues: Vec<(String, u32)>,
    /// When the batch was cut, microseconds since 1970.
    pub flushed_micros: u64,
}
