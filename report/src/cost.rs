//! What a load costs each process that repeats it.

use alive_store::model::Load;

/// Sums over one load or a whole tree of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Files.
    pub files: u64,
    /// Their sizes, in bytes, each counted once.
    pub bytes: u64,
    /// Microseconds in dlopen that one process spends on them; zero where none was measured.
    pub micros: u64,
    /// What preloading would spare: see [`Cost::of`].
    pub score: u64,
}

impl Cost {
    /// The cost of one load.
    ///
    /// The score is the number of processes that repeated the work of the first, times the
    /// microseconds plus the KiB of it: reading and keeping a KiB of code takes about a
    /// microsecond, so the two may be added to rank by, and for nothing else.
    #[must_use]
    pub fn of(load: &Load) -> Self {
        let micros = load.nanos / load.processes.max(1) / 1000;
        let repeats = load.processes.saturating_sub(1);
        Self {
            files: 1,
            bytes: load.bytes,
            micros,
            score: repeats.saturating_mul(micros.saturating_add(load.bytes.div_ceil(1024))),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            micros: self.micros.saturating_add(other.micros),
            score: self.score.saturating_add(other.score),
        }
    }
}
