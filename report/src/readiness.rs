//! Whether a role's late loads have come to an end: the moment to fork it anew, from a process that has by
//! now everything that its successors would load.
//!
//! A master that forks its workers from a warm one (Pitchfork, Puma's `fork_worker`) has to choose when. What
//! can be seen from outside is the rate at which files are loaded that no process of the role had loaded
//! before. While it is above zero a fork is early; once it has been zero for [`SETTLED_MICROS`] under traffic,
//! what the role has loaded so far is what a fork now would share. A daemon without visitors loads nothing
//! either, so the sentence tells since when, and not that all is done.

use crate::findings::ProgramReport;

/// Nothing new for so long, in microseconds, and the role counts as settled.
pub const SETTLED_MICROS: u64 = 60_000_000;

/// Parts of [`Readiness::rate`].
pub const RATE_PARTS: usize = 30;

/// How far a role has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Files that the role loaded late, and would find loaded after a fork now.
    pub files: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// When the first and the last of them were new, microseconds since 1970.
    pub first_new_micros: u64,
    /// See `first_new_micros`.
    pub last_new_micros: u64,
    /// How long nothing was new, in microseconds, until the report's end.
    pub quiet_micros: u64,
    /// New files in each of [`RATE_PARTS`] equal parts of the time from the first one to the report's end.
    pub rate: Vec<u64>,
}

impl Readiness {
    /// Whether nothing has been new for long enough.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.quiet_micros >= SETTLED_MICROS
    }
}

/// How far a role has come by `until_micros`, the report's end in microseconds since 1970. `None` when it loaded
/// nothing late, or the end is not known.
#[must_use]
pub fn of_role(program: &ProgramReport, role: usize, until_micros: u64) -> Option<Readiness> {
    if until_micros == 0 {
        return None;
    }
    let loads = || program.late().filter(|load| load.role == role);
    let first_new_micros = loads().map(|load| load.first_seen_micros).min()?;
    let last_new_micros = loads().map(|load| load.first_seen_micros).max()?;
    // Clocks are set back; what is not yet over has at least begun.
    let until_micros = until_micros.max(last_new_micros);
    let span = u128::from(until_micros - first_new_micros).max(1);
    let mut rate = vec![0u64; RATE_PARTS];
    for load in loads() {
        let since = u128::from(load.first_seen_micros - first_new_micros);
        let part = usize::try_from(since * RATE_PARTS as u128 / span).unwrap_or(RATE_PARTS);
        if let Some(files) = rate.get_mut(part.min(RATE_PARTS - 1)) {
            *files += 1;
        }
    }
    Some(Readiness {
        files: loads().count() as u64,
        bytes: loads().fold(0, |sum, load| sum.saturating_add(load.bytes)),
        first_new_micros,
        last_new_micros,
        quiet_micros: until_micros - last_new_micros,
        rate,
    })
}

#[cfg(test)]
mod tests {
    use super::{RATE_PARTS, SETTLED_MICROS, of_role};
    use crate::findings::{Report, Selection};
    use alive_store::model::{Load, Program, Role, Snapshot};

    const BEGAN: u64 = 1_767_268_800_000_000;

    fn loads(first_seen: &[u64]) -> Report {
        let load = |(index, seconds): (usize, &u64)| Load {
            role: 1,
            path: format!("/{index}.pm").into(),
            outcome: "loaded".into(),
            processes: 2,
            bytes: 100,
            first_seen_micros: BEGAN + seconds * 1_000_000,
            last_seen_micros: BEGAN + 1_000_000_000,
            ..Load::default()
        };
        let role = |parent| Role { parent, processes: 2, ..Role::default() };
        let program = Program {
            label: b"d".to_vec(),
            trees: 1,
            roles: vec![role(None), role(Some(0))],
            loads: first_seen.iter().enumerate().map(load).collect(),
            ..Program::default()
        };
        Report::new(Snapshot { programs: vec![program], ..Snapshot::default() }, &Selection::default())
    }

    #[test]
    fn a_role_settles_when_nothing_has_been_new_for_a_minute() {
        let report = loads(&[0, 1, 1, 30]);
        let at = |seconds: u64| of_role(&report.programs[0], 1, BEGAN + seconds * 1_000_000).unwrap();
        assert!(!at(89).is_settled());
        assert!(at(90).is_settled());
        assert_eq!(at(90).quiet_micros, SETTLED_MICROS);
        assert_eq!((at(90).files, at(90).bytes), (4, 400));
        assert_eq!(at(90).last_new_micros, BEGAN + 30_000_000);
    }

    #[test]
    fn the_rate_falls_to_zero_in_the_parts_of_time_after_the_last_new_file() {
        let rate = of_role(&loads(&[0, 1, 1, 30]).programs[0], 1, BEGAN + 60_000_000).unwrap().rate;
        assert_eq!(rate.len(), RATE_PARTS);
        assert_eq!((rate[0], rate[15]), (3, 1), "of two seconds each");
        assert_eq!(rate.iter().sum::<u64>(), 4);
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let report = loads(&[0]);
        assert_eq!(of_role(&report.programs[0], 1, 0), None, "when the report ends");
        assert_eq!(of_role(&report.programs[0], 0, BEGAN), None, "a role that loads nothing");
        let set_back = of_role(&report.programs[0], 1, BEGAN - 5).unwrap();
        assert_eq!(set_back.quiet_micros, 0);
    }
}
