//! From a database to a report that has something in it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::path::PathBuf;

use alive_report::{Report, Selection, Thresholds, escape};

use crate::exit::Failure;

/// What to read, and what of it.
pub(crate) struct Question {
    /// The database; the collector's own where none is named.
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label.
    pub(crate) program: Option<OsString>,
    /// Only loads seen since, microseconds since 1970.
    pub(crate) since_micros: Option<u64>,
    pub(crate) thresholds: Thresholds,
}

/// Reads a database and judges what it holds.
///
/// # Errors
/// [`Failure`], also when there is nothing to judge.
pub(crate) fn report(question: Question) -> Result<Report, Failure> {
    report_unless(question, Report::is_empty)
}

/// The same, where a database with nothing but taps has something in it.
///
/// # Errors
/// [`Failure`], also when there is nothing to show.
pub(crate) fn report_with_taps(question: Question) -> Result<Report, Failure> {
    report_unless(question, |report| report.is_empty() && report.taps.taps.is_empty())
}

fn report_unless(question: Question, is_empty: impl Fn(&Report) -> bool) -> Result<Report, Failure> {
    let db = question.db.unwrap_or_else(alive_collector::default_database);
    let snapshot = alive_store::snapshot(&db)?;
    let labels: Vec<Vec<u8>> = snapshot.programs.iter().map(|program| program.label.clone()).collect();
    let selection = Selection {
        program: question.program.map(OsStringExt::into_vec),
        since_micros: question.since_micros,
        thresholds: question.thresholds,
    };
    let report = Report::new(snapshot, &selection);
    if is_empty(&report) {
        let file = escape::terminal(db.as_os_str().as_bytes());
        return Err(Failure::NoData(match selection.program {
            Some(label) if !labels.contains(&label) => format!(
                "{file} knows no program {}; it knows {}: name one of them with --program",
                escape::terminal(&label),
                listed(&labels)
            ),
            _ => format!(
                "no late load was reported to {file}: check that the daemon was started with \
                 LD_PRELOAD=libpostfork.so, that ALIVE_ADDR names the collector's address, that the daemon \
                 has forked a worker, and that the worker has done some work"
            ),
        }));
    }
    Ok(report)
}

fn listed(labels: &[Vec<u8>]) -> String {
    if labels.is_empty() {
        return "none".to_owned();
    }
    labels.iter().map(|label| escape::terminal(label)).collect::<Vec<_>>().join(", ")
}
