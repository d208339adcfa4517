//! `alive inspect`: what a running daemon's workers map and their parent does not.

use alive_memory::{Tree, family};
use alive_report::Thresholds;
use alive_report::render::inspect::{self, Inspection};
use alive_report::render::next;

use crate::args::{self, Form};
use crate::cmd::mem::refusal;
use crate::exit::{Failure, Status};
use crate::output;

/// Compares the processes and shows what was found.
///
/// # Errors
/// [`Failure`] when not one process can be read.
pub(crate) fn run(args: &args::Inspect) -> Result<Status, Failure> {
    let tree = Tree::read(args.pid).map_err(|reason| Failure::of_process(args.pid, reason))?;
    let looks = tree.look();
    if let Some(reason) = refusal(&looks) {
        return Err(Failure::of_process(args.pid, reason));
    }
    let seen = Inspection {
        families: family::families(&tree),
        looks,
        ended: tree.ended,
        thresholds: Thresholds::default(),
    };
    output::print(|medium, out| match args.format {
        Form::Table => {
            inspect::table(&seen, medium, out)?;
            next::render(&next::after_inspection(args.pid), medium, out)
        }
        Form::Json => inspect::json(&seen, out),
    })?;
    Ok(Status::Well)
}
