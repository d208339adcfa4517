//! `alive report`: what a collector has stored.

use crate::args;
use crate::cmd::judged::{self, Question};
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::output;

/// Reads the database and writes the report.
///
/// # Errors
/// [`Failure`], also when there is nothing to report.
pub(crate) fn run(args: args::Report) -> Result<Status, Failure> {
    let report = judged::report(Question {
        db: args.db,
        program: args.program,
        since_micros: args.since.map(micros),
        thresholds: args.rule.into(),
    })?;
    output::write(&report, args.format, args.output.as_deref())?;
    Ok(Status::Well)
}
