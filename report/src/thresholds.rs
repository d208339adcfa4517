//! When a late load is worth preloading. Printed in every report's header.

/// The numbers behind the verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Fewest processes of a role that must have loaded a file before it is repeated work.
    pub min_processes: u64,
    /// Fewest of the role's processes, in percent, that must have loaded it.
    pub min_share_percent: u64,
    /// Microseconds in one dlopen from which a load is slow enough to preload for one process alone.
    pub slow_micros: u64,
}

impl Default for Thresholds {
    /// Half of the siblings as for Android's preloaded classes and `PostgreSQL`'s "most sessions";
    /// 10 ms is what a person notices in a first request.
    fn default() -> Self {
        Self { min_processes: 2, min_share_percent: 50, slow_micros: 10_000 }
    }
}

impl Thresholds {
    /// Whether `processes` of `siblings` are enough to call a load common to the role.
    #[must_use]
    pub const fn is_common(&self, processes: u64, siblings: u64) -> bool {
        processes >= self.min_processes
            && processes.saturating_mul(100) >= siblings.saturating_mul(self.min_share_percent)
    }

    /// Whether one load of this duration is slow.
    #[must_use]
    pub const fn is_slow(&self, micros: u64) -> bool {
        micros >= self.slow_micros
    }
}

#[cfg(test)]
mod tests {
    use super::Thresholds;

    #[test]
    fn half_of_the_siblings_and_never_one_alone() {
        let thresholds = Thresholds::default();
        assert!(thresholds.is_common(2, 2));
        assert!(thresholds.is_common(4, 8));
        assert!(!thresholds.is_common(3, 8));
        assert!(!thresholds.is_common(1, 1));
        assert!(thresholds.is_common(2, 3));
    }
}
