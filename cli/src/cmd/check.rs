//! `alive check`: a gate against new late loads.

use std::io;

use crate::args;
use crate::cmd::judged::{self, Question};
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::gate::Gate;

/// Holds what a collector has stored against a baseline, or brings the baseline up to date.
///
/// # Errors
/// [`Failure`], also when there is nothing to judge.
pub(crate) fn run(args: args::Check) -> Result<Status, Failure> {
    let path = args.baseline;
    let gate = if args.write { Gate::open_or_new(&path)? } else { Gate::open(&path)? };
    let report = judged::report(Question {
        db: args.db,
        program: args.program,
        since_micros: args.since.map(micros),
        thresholds: args.share.into(),
    })?;
    if args.write {
        gate.update(&report, args.missing)?;
        return Ok(Status::Well);
    }
    let passes = gate.passes(&report, args.missing, &mut io::stdout().lock());
    Ok(if passes { Status::Well } else { Status::Broken })
}
