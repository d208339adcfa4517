//! When a late load is worth preloading. Printed in every report's header.

/// The numbers behind the verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Fewest processes of a role that must have loaded a file before it is repeated work. With 1 a process that
    /// has no siblings counts, too.
    pub min_processes: u64,
    /// Fewest of the role's processes, in percent, that must have loaded it.
    pub min_share_percent: u64,
    /// Microseconds in one dlopen from which a load is slow enough to preload for one process alone.
    pub slow_micros: u64,
}

/// A load that comes back after respawns need have only one in so many of the share that siblings must have:
/// in a daemon that renews its workers all the time a role has many processes, few of them at one time.
const AGAIN_DIVISOR: u64 = 5;

impl Default for Thresholds {
    /// Half of the siblings as for Android's preloaded classes and `PostgreSQL`'s "most sessions";
    /// 10 ms is what a person notices in a first request.
    fn default() -> Self {
        Self { min_processes: 2, min_share_percent: 50, slow_micros: 10_000 }
    }
}

impl Thresholds {
    /// Whether `processes` of `siblings` in `trees` trees are enough to call a load common to them. Where no
    /// tree had more than one of them, nobody repeated what another one did.
    #[must_use]
    pub const fn is_common(&self, processes: u64, siblings: u64, trees: u64) -> bool {
        (siblings > trees || self.min_processes <= 1)
            && processes >= self.min_processes
            && is_share(processes, siblings, self.min_share_percent)
    }

    /// Whether a load by `respawned` processes that were forked after a sibling had done it already is
    /// enough to call it a load that comes back.
    #[must_use]
    pub const fn is_again(&self, respawned: u64, siblings: u64) -> bool {
        respawned > 0
            && respawned >= self.min_processes
            && is_share(respawned, siblings, self.min_again_percent())
    }

    /// Fewest of the role's processes, in percent, that must have loaded it again after a respawn or a late
    /// start.
    #[must_use]
    pub const fn min_again_percent(&self) -> u64 {
        self.min_share_percent / AGAIN_DIVISOR
    }

    /// Whether one load of this duration is slow.
    #[must_use]
    pub const fn is_slow(&self, micros: u64) -> bool {
        micros >= self.slow_micros
    }
}

const fn is_share(some: u64, all: u64, percent: u64) -> bool {
    some.saturating_mul(100) >= all.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::Thresholds;

    #[test]
    fn half_of_the_siblings_and_never_one_alone() {
        let thresholds = Thresholds::default();
        assert!(thresholds.is_common(2, 2, 1));
        assert!(thresholds.is_common(4, 8, 1));
        assert!(!thresholds.is_common(3, 8, 1));
        assert!(!thresholds.is_common(1, 1, 1));
        assert!(thresholds.is_common(2, 3, 1));
    }

    #[test]
    fn a_lone_worker_of_each_run_repeats_nothing_unless_one_is_asked_to_be_enough() {
        assert!(!Thresholds::default().is_common(7, 7, 7));
        assert!(Thresholds::default().is_common(8, 8, 7));
        let any = Thresholds { min_processes: 1, ..Thresholds::default() };
        assert!(any.is_common(1, 1, 1));
        assert!(!any.is_common(1, 3, 1));
        assert!(!any.is_common(0, 0, 0));
    }

    #[test]
    fn what_comes_back_after_respawns_needs_a_smaller_share_but_not_none() {
        let thresholds = Thresholds::default();
        assert!(thresholds.is_again(20, 200));
        assert!(!thresholds.is_again(19, 200));
        assert!(!thresholds.is_again(1, 8));
        let any = Thresholds { min_processes: 1, min_share_percent: 0, ..thresholds };
        assert!(!any.is_again(0, 8), "nobody is nobody");
    }
}
