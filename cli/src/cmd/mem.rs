//! `alive mem`: what the processes of a running daemon hold.

use std::io::{self, IsTerminal as _};
use std::thread;

use alive_memory::tree::Look;
use alive_memory::{Tree, Unread};
use alive_report::render::{next, processes};

use crate::args::{self, Form};
use crate::exit::{Failure, Status};
use crate::output::{self, Reader};

/// Puts the cursor into the upper left corner and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Shows the processes, once or until the first of them has ended.
///
/// # Errors
/// [`Failure`] when not one process can be read.
pub(crate) fn run(args: &args::Mem) -> Result<Status, Failure> {
    let mut tree = Tree::read(args.pid).map_err(|reason| Failure::of_process(args.pid, reason))?;
    let start_ticks = tree.members.first().map_or(0, |top| top.start_ticks);
    let mut looks = tree.look();
    if let Some(reason) = refusal(&looks) {
        return Err(Failure::of_process(args.pid, reason));
    }
    let redraws = args.watch.is_some() && args.format == Form::Table && io::stdout().is_terminal();
    let mut is_first = true;
    loop {
        let reader = output::print(|medium, out| match args.format {
            Form::Table => {
                if redraws {
                    write!(out, "{CLEAR}")?;
                } else if !is_first {
                    writeln!(out)?;
                }
                processes::table(&looks, tree.ended, medium, out)?;
                match args.watch {
                    None => next::render(&next::after_memory(args.pid), medium, out),
                    Some(_) => Ok(()),
                }
            }
            Form::Json if args.watch.is_some() => processes::json_line(&looks, tree.ended, out),
            Form::Json => processes::json(&looks, tree.ended, out),
        })?;
        is_first = false;
        let Some(pause) = args.watch.filter(|_| reader == Reader::Reads) else { return Ok(Status::Well) };
        thread::sleep(pause);
        // The end of the process is what is waited for; another one may have its pid by now.
        match Tree::read(args.pid) {
            Ok(next) if next.members.first().is_some_and(|top| top.start_ticks == start_ticks) => tree = next,
            _ => return Ok(Status::Well),
        }
        looks = tree.look();
        if looks.iter().all(|look| look.sizes == Err(Unread::Ended)) {
            return Ok(Status::Well);
        }
    }
}

/// Why nothing can be shown; `None` when something can.
pub(crate) fn refusal(looks: &[Look]) -> Option<Unread> {
    if looks.iter().any(|look| look.sizes.is_ok()) {
        return None;
    }
    looks.first().and_then(|look| look.sizes.clone().err())
}
