//! `alive report`: what a collector has stored.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use alive_report::{Report, Selection, escape};

use crate::args;
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::follow::{FOREVER, Follow, Turn};
use crate::output::{self, Screen};

/// Reads the database and writes the report.
///
/// # Errors
/// [`Failure`], also when there is nothing to report.
pub(crate) fn run(args: args::Report) -> Result<Status, Failure> {
    let db = args.db.clone().unwrap_or_else(alive_collector::default_database);
    let selection = Selection {
        program: args.program.clone().map(OsStringExt::into_vec),
        since_micros: args.since.map(micros),
        thresholds: args.rule.into(),
    };
    if let Some(seconds) = args.watch {
        return watch(db, &selection, &args, Duration::from_secs(seconds));
    }
    let report = read(&db, &selection)?;
    output::draw(&report, &args.pictures)?;
    output::write(&report, args.format, args.output.as_deref())?;
    Ok(Status::Well)
}

/// Writes the report again and again until it is ended.
fn watch(
    db: PathBuf,
    selection: &Selection,
    args: &args::Report,
    pause: Duration,
) -> Result<Status, Failure> {
    let mut follow = Follow::new(db)?;
    let mut screen = Screen::new();
    loop {
        match read(follow.db(), selection) {
            Ok(report) => {
                follow.found();
                output::draw(&report, &args.pictures)?;
                match &args.output {
                    Some(file) => output::write(&report, args.format, Some(file))?,
                    None if !screen.show(&report, args.format)? => return Ok(Status::Well),
                    None => {}
                }
            }
            // There may be something the next time.
            Err(failure) if failure.status() == Status::NoData => {
                if follow.begins_to_wait() {
                    output::say(&failure.to_string());
                }
            }
            Err(failure) => return Err(failure),
        }
        // Figures that tell how long ago something was change on a terminal even when nothing happens.
        if follow.rest(pause) == Turn::End || (!screen.is_terminal() && follow.wait(FOREVER) == Turn::End) {
            return Ok(Status::Well);
        }
    }
}

/// Reads and judges.
fn read(db: &Path, selection: &Selection) -> Result<Report, Failure> {
    let snapshot = alive_store::snapshot(db)?;
    let labels: Vec<Vec<u8>> = snapshot.programs.iter().map(|program| program.label.clone()).collect();
    let report = Report::new(snapshot, selection);
    holds_something(&report, selection, &labels, db)?;
    Ok(report)
}

/// Whether there is anything to judge; `labels` are the programs in the database.
///
/// # Errors
/// [`Failure::NoData`], with what to do about it.
pub(crate) fn holds_something(
    report: &Report,
    selection: &Selection,
    labels: &[Vec<u8>],
    db: &Path,
) -> Result<(), Failure> {
    if report.is_empty() {
        let file = escape::terminal(db.as_os_str().as_bytes());
        return Err(Failure::NoData(match &selection.program {
            Some(label) if !labels.contains(label) => format!(
                "{file} knows no program {}; it knows {}: name one of them with --program",
                escape::terminal(label),
                listed(labels)
            ),
            _ => format!(
                "no late load was reported to {file}: check that the daemon was started with \
                 LD_PRELOAD=libpostfork.so, that ALIVE_ADDR names the collector's address, that the daemon \
                 has forked a worker, and that the worker has done some work"
            ),
        }));
    }
    Ok(())
}

fn listed(labels: &[Vec<u8>]) -> String {
    if labels.is_empty() {
        return "none".to_owned();
    }
    labels.iter().map(|label| escape::terminal(label)).collect::<Vec<_>>().join(", ")
}
