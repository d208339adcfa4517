//! `alive report`: what a collector has stored.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt};

use alive_report::{Report, Selection, Thresholds, escape};

use crate::args;
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::output;

/// Reads the database and writes the report.
///
/// # Errors
/// [`Failure`], also when there is nothing to report.
pub(crate) fn run(args: args::Report) -> Result<Status, Failure> {
    let db = args.db.unwrap_or_else(alive_collector::default_database);
    let snapshot = alive_store::snapshot(&db)?;
    let labels: Vec<Vec<u8>> = snapshot.programs.iter().map(|program| program.label.clone()).collect();
    let selection = Selection {
        program: args.program.map(OsStringExt::into_vec),
        since_micros: args.since.map(micros),
        thresholds: Thresholds::default(),
    };
    let report = Report::new(snapshot, &selection);
    if report.is_empty() {
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
    output::draw(&report, &args.pictures)?;
    output::write(&report, args.format, args.output.as_deref())?;
    Ok(Status::Well)
}

fn listed(labels: &[Vec<u8>]) -> String {
    if labels.is_empty() {
        return "none".to_owned();
    }
    labels.iter().map(|label| escape::terminal(label)).collect::<Vec<_>>().join(", ")
}
