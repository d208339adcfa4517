//! How long a load took: the time until its thread's next one belongs to it while its burst goes on.

/// What a thread used between two of its loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// Nanoseconds that passed.
    pub(crate) nanos: u64,
    /// Nanoseconds of them that it was on a CPU.
    pub(crate) cpu_nanos: u64,
    /// Minor page faults.
    pub(crate) faults: u64,
}
