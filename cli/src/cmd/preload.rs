//! `alive preload`: what to load before the fork, in the words of those who load it.

use std::os::unix::ffi::OsStringExt;

use alive_report::preload::disk::Machine;
use alive_report::preload::{self, Wish};
use alive_report::{Report, Selection, Thresholds};

use crate::args;
use crate::cmd::report::holds_something;
use crate::exit::{Failure, Status};
use crate::output;

/// Reads the database and writes the list.
///
/// # Errors
/// [`Failure`], also when there is nothing to preload.
pub(crate) fn run(args: args::Preload) -> Result<Status, Failure> {
    let db = args.db.unwrap_or_else(alive_collector::default_database);
    let snapshot = alive_store::snapshot(&db)?;
    let labels: Vec<Vec<u8>> = snapshot.programs.iter().map(|program| program.label.clone()).collect();
    let selection = Selection {
        program: args.program.map(OsStringExt::into_vec),
        since_micros: None,
        thresholds: Thresholds::default(),
    };
    let report = Report::new(snapshot, &selection);
    holds_something(&report, &selection, &labels, &db)?;
    let wish = Wish { ecosystem: args.ecosystem, role: args.role, all: args.all };
    let list = preload::list(&report, &wish, &Machine)?;
    output::write_list(&list, args.output.as_deref())?;
    Ok(Status::Well)
}
