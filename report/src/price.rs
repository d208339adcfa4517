//! What a fork costs: how long it holds its forker up, and how that grows with what the forker has loaded.
//!
//! fork copies the tables of the forker's pages, so its time grows with the resident size; a part of it does
//! not, and counts here as if it did. So the price of a further 100 MiB is at most what this says, and
//! for a small process far below it.

use crate::findings::{ProgramReport, Verdict};
use crate::role::{self, Role};

/// KiB in 100 MiB.
const HUNDRED_MIB_IN_KIB: u128 = 100 * 1024;

/// The price of the forks into one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Nanoseconds that one fork took its forker, on average.
    pub nanos: u64,
    /// Resident size of the forker in bytes at the last fork that was measured; `None` when not known.
    pub resident_bytes: Option<u64>,
    /// Nanoseconds for each 100 MiB of that size; `None` when the size is not known.
    pub nanos_per_100_mib: Option<u64>,
}

/// The price of the forks into a role; `None` where they were not measured.
#[must_use]
pub fn of(role: &Role) -> Option<Price> {
    let nanos = (role.fork_nanos > 0).then(|| role.fork_nanos.checked_div(role.processes))??;
    let kib = u128::from(role.forker_resident_kib);
    let each = (u128::from(nanos) * HUNDRED_MIB_IN_KIB).checked_div(kib);
    Some(Price {
        nanos,
        resident_bytes: (kib > 0).then(|| u64::from(role.forker_resident_kib) * 1024),
        nanos_per_100_mib: each.map(|nanos| u64::try_from(nanos).unwrap_or(u64::MAX)),
    })
}

/// What preloading adds to the forker of a role: bytes of the files, and nanoseconds of each fork if they
/// take as much memory as they are large. `None` where nothing is to be preloaded there, or nothing is known.
#[must_use]
pub fn of_preloading(program: &ProgramReport, role: usize) -> Option<(u64, u64)> {
    let each = of(program.roles.get(role)?)?.nanos_per_100_mib?;
    let above = role::ancestry(&program.roles, role);
    let bytes = program
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Preload)
        .filter(|finding| finding.load_in.is_some_and(|place| place != role && above.contains(&place)))
        .fold(0u64, |sum, finding| sum.saturating_add(finding.cost.bytes));
    let nanos = u128::from(each) * u128::from(bytes) / (HUNDRED_MIB_IN_KIB * 1024);
    (bytes > 0).then(|| (bytes, u64::try_from(nanos).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::role::Role;

    fn role(processes: u64, fork_nanos: u64, forker_resident_kib: u32) -> Role {
        Role {
            id: "worker".into(),
            parent: Some(0),
            fork_site: None,
            fork_line: None,
            processes,
            trees: 1,
            fork_nanos,
            forker_resident_kib,
            bystanders: None,
            memory: alive_store::model::RoleMemory::default(),
        }
    }

    #[test]
    fn a_fork_is_priced_by_its_forkers_size() {
        let price = of(&role(4, 4_000_000, 51_200)).unwrap();
        assert_eq!(price.nanos, 1_000_000);
        assert_eq!(price.resident_bytes, Some(50 << 20));
        assert_eq!(price.nanos_per_100_mib, Some(2_000_000));
    }

    #[test]
    fn what_was_not_measured_has_no_price() {
        assert_eq!(of(&role(4, 0, 51_200)), None);
        assert_eq!(of(&role(0, 5, 51_200)), None);
        assert_eq!(of(&role(4, 4_000, 0)).unwrap().nanos_per_100_mib, None);
        assert_eq!(of(&role(1, u64::MAX, 1)).unwrap().nanos_per_100_mib, Some(u64::MAX));
    }
}
