//! Programs that one role executes again and again. Each run reads, links and compiles what the run before did;
//! a template process does it once, and forks.

use std::cmp::Reverse;

use alive_store::model::Executed;

use crate::escape;
use crate::findings::ProgramReport;
use crate::render::units::{bytes, count, micros};

/// Runs from which on a program is executed again and again.
pub const MIN_RUNS: u64 = 3;

/// Whether a template process would share what each run does anew.
#[must_use]
pub const fn wants_a_template(executed: &Executed) -> bool {
    executed.runs >= MIN_RUNS
}

/// Those that cost most first.
pub(crate) fn sort(executed: &mut [Executed]) {
    executed.sort_by(|a, b| {
        (Reverse(a.cpu_nanos), Reverse(a.runs), &a.program, &a.executable, a.role).cmp(&(
            Reverse(b.cpu_nanos),
            Reverse(b.runs),
            &b.program,
            &b.executable,
            b.role,
        ))
    });
}

/// What one run took: nanoseconds of CPU, and by the clock.
#[must_use]
pub fn each(executed: &Executed) -> (u64, u64) {
    let runs = executed.runs.max(1);
    (executed.cpu_nanos / runs, executed.wall_nanos / runs)
}

/// The programs that a template process is wanted for, a sentence each.
pub(crate) fn sentences(program: &ProgramReport) -> impl Iterator<Item = String> {
    program.executed.iter().filter(|executed| wants_a_template(executed)).map(|executed| {
        let role = program.roles.get(executed.role).map_or("?", |role| role.id.as_str());
        let (cpu, _) = each(executed);
        let size = match executed.resident_kib {
            0 => String::new(),
            kib => format!(" and up to {}", bytes(u64::from(kib) * 1024)),
        };
        format!(
            "{role} executed {} {}: {} of CPU{size} each, {} in all; a template process would share this.",
            name(executed),
            count(executed.runs, "time"),
            micros(cpu / 1_000),
            micros(executed.cpu_nanos / 1_000),
        )
    })
}

/// The executable, and the program where that is another name, for a terminal.
fn name(executed: &Executed) -> String {
    let (path, label) = (escape::terminal(&executed.executable), escape::terminal(&executed.program));
    match (path.is_empty(), path.rsplit('/').next() == Some(label.as_str()) || label.is_empty()) {
        (true, _) => label,
        (false, true) => path,
        (false, false) => format!("{path} ({label})"),
    }
}

#[cfg(test)]
mod tests {
    use super::{each, name, sort, wants_a_template};
    use alive_store::model::Executed;

    fn executed(executable: &str, program: &str, runs: u64, cpu_nanos: u64) -> Executed {
        Executed {
            role: 0,
            executable: executable.into(),
            program: program.into(),
            runs,
            cpu_nanos,
            wall_nanos: 2 * cpu_nanos,
            resident_kib: 0,
            first_seen_micros: 0,
            last_seen_micros: 0,
        }
    }

    #[test]
    fn once_or_twice_is_not_again_and_again() {
        assert!(!wants_a_template(&executed("/usr/bin/perl", "a.pl", 2, 5)));
        assert!(wants_a_template(&executed("/usr/bin/perl", "a.pl", 3, 5)));
    }

    #[test]
    fn a_run_costs_its_part_of_the_sum() {
        assert_eq!(each(&executed("", "", 4, 100)), (25, 50));
        assert_eq!(each(&executed("", "", 0, 100)), (100, 200), "no run is none that divides");
    }

    #[test]
    fn the_dearest_comes_first() {
        let mut all = [executed("/a", "a", 9, 1), executed("/b", "b", 3, 7), executed("/c", "c", 4, 7)];
        sort(&mut all);
        assert_eq!(all.map(|executed| executed.executable), [b"/c", b"/b", b"/a"]);
    }

    #[test]
    fn a_script_is_named_beside_its_interpreter() {
        assert_eq!(name(&executed("/usr/bin/perl", "a.pl", 1, 1)), "/usr/bin/perl (a.pl)");
        assert_eq!(name(&executed("/usr/sbin/sshd", "sshd", 1, 1)), "/usr/sbin/sshd");
        assert_eq!(name(&executed("", "a\x1b.pl", 1, 1)), "a\\x1b.pl");
    }
}
