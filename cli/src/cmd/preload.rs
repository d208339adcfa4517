//! `alive preload`: what to load before the fork, in the words of those who load it.

use alive_report::preload::disk::Machine;
use alive_report::preload::{self, Wish};

use crate::args;
use crate::cmd::judged::{self, Question};
use crate::exit::{Failure, Status};
use crate::output;

/// Reads the database and writes the list.
///
/// # Errors
/// [`Failure`], also when there is nothing to preload.
pub(crate) fn run(args: args::Preload) -> Result<Status, Failure> {
    let report = judged::report(Question {
        db: args.db,
        program: args.program,
        since_micros: None,
        thresholds: args.rule.into(),
    })?;
    let wish = Wish { ecosystem: args.ecosystem, role: args.role, all: args.all };
    let list = preload::list(&report, &wish, &Machine)?;
    output::write_list(&list, args.output.as_deref())?;
    Ok(Status::Well)
}
