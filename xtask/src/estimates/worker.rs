//! Workers that load one root after they were forked, by themselves and under `alive run`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::roots::Root;
use crate::cargo;
use crate::failure::Failure;

/// Workers that each run forks, one after another.
const WORKERS: &str = "4";

/// What a worker spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spent {
    pub(super) micros: u64,
    pub(super) cpu_micros: u64,
    pub(super) faults: u64,
    pub(super) private_kib: u64,
    /// 0 where nobody counts them.
    pub(super) files: u64,
}

/// What each worker of a run without the shim finds that it spent, by its own clocks and by the kernel's account.
pub(super) fn measured(root: &Root) -> Result<Vec<Spent>, Failure> {
    let output = cargo::output(&mut program(Command::new(root.interpreter), root, "measured"))?;
    let text = String::from_utf8_lossy(&output);
    let spent: Vec<Spent> = text.lines().filter_map(figures).collect();
    if spent.is_empty() {
        return Err(Failure::Findings(vec![format!(
            "{} told nothing of {}: {text:?}",
            root.script, root.what
        )]));
    }
    Ok(spent)
}

/// Four numbers, one of which may have fallen.
fn figures(line: &str) -> Option<Spent> {
    let mut words = line.split_whitespace().map(|word| word.parse::<i64>().ok()?.try_into().ok());
    let mut next = || words.next().map(Option::unwrap_or_default);
    Some(Spent { micros: next()?, cpu_micros: next()?, faults: next()?, private_kib: next()?, files: 0 })
}

/// What the report says of workers that do nothing but load: all that they loaded, added up.
pub(super) fn told(root: &Root, folder: &Path) -> Result<Spent, Failure> {
    let mut alive = Command::new(cargo::built("alive"));
    let database = folder.join("alive.db");
    if database.exists() {
        std::fs::remove_file(&database)
            .map_err(|source| Failure::Io { what: format!("removing {}", database.display()), source })?;
    }
    alive.args(["run", "--format", "json", "--db"]).arg(&database).args(["--", root.interpreter]);
    sum(&cargo::output(&mut program(alive, root, "plain"))?)
}

fn program(mut command: Command, root: &Root, how: &str) -> Command {
    let script = cargo::root().join("xtask/estimates").join(root.script);
    command.arg(script).args([how, WORKERS, root.statement]).stdin(Stdio::null());
    command
}

/// The totals of all findings of a report.
fn sum(json: &[u8]) -> Result<Spent, Failure> {
    let report: Value = serde_json::from_slice(json)
        .map_err(|error| Failure::Findings(vec![format!("alive run --format json gave no JSON: {error}")]))?;
    let programs = report["programs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let findings = programs.iter().filter_map(|program| program["findings"].as_array()).flatten();
    let totals = findings.filter_map(|finding| finding.get("total"));
    Ok(totals.fold(Spent::default(), |sum, total| {
        let figure = |key: &str| total[key].as_u64().unwrap_or(0);
        Spent {
            micros: sum.micros + figure("micros"),
            cpu_micros: sum.cpu_micros + figure("cpu_micros"),
            faults: sum.faults + figure("faults"),
            private_kib: sum.private_kib + figure("private_kib"),
            files: sum.files + figure("files"),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_line() {
        let spent = Spent { micros: 7, cpu_micros: 6, faults: 5, private_kib: 4, files: 0 };
        assert_eq!(figures("7 6 5 4"), Some(spent));
        assert_eq!(figures("7 6 5 -8"), Some(Spent { private_kib: 0, ..spent }), "memory may fall");
        assert_eq!(figures("7 6 5"), None);
    }

    #[test]
    fn all_findings_of_a_report_are_added_up() {
        let json = br#"{"programs":[{"findings":[
            {"total":{"files":2,"micros":30,"cpu_micros":20,"faults":3,"private_kib":12}},
            {"searches":2},
            {"total":{"files":1,"micros":5,"cpu_micros":4,"faults":1,"private_kib":4}}
        ]}]}"#;
        let spent = Spent { micros: 35, cpu_micros: 24, faults: 4, private_kib: 16, files: 3 };
        assert_eq!(sum(json).unwrap(), spent);
        assert!(sum(b"table").is_err());
    }
}
