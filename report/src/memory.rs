//! What one process of a role holds on average, by the looks that were taken at them.

use alive_store::model::{MemoryFigures, RoleMemory};

/// Means over the processes that were read, each by its latest look; `None` when none was.
#[must_use]
pub fn mean(memory: &RoleMemory) -> Option<MemoryFigures> {
    let number = memory.processes;
    let mean = |sum: u64| (number > 0).then(|| sum.saturating_add(number / 2) / number);
    Some(MemoryFigures {
        pss_kib: mean(memory.sum.pss_kib)?,
        uss_kib: mean(memory.sum.uss_kib)?,
        private_dirty_kib: mean(memory.sum.private_dirty_kib)?,
        shared_kib: mean(memory.sum.shared_kib)?,
        swap_kib: mean(memory.sum.swap_kib)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{MemoryFigures, RoleMemory, mean};

    #[test]
    fn a_mean_is_over_those_that_were_read() {
        let sum = MemoryFigures { pss_kib: 100, uss_kib: 61, ..MemoryFigures::default() };
        let memory = RoleMemory { processes: 3, unreadable: 5, sum, ..RoleMemory::default() };
        let mean = mean(&memory).unwrap();
        assert_eq!((mean.pss_kib, mean.uss_kib), (33, 20));
    }

    #[test]
    fn nobody_read_is_no_zero() {
        assert_eq!(mean(&RoleMemory { unreadable: 5, ..RoleMemory::default() }), None);
    }
}
