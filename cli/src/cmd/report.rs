//! `alive report`: what a collector has stored.

use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use alive_report::render::next;

use crate::args::{self, Format};
use crate::cmd::judged::{self, Question};
use crate::cmd::micros;
use crate::exit::{Failure, Status};
use crate::follow::{FOREVER, Follow, Turn};
use crate::output::{self, Screen};

/// Reads the database and writes the report.
///
/// # Errors
/// [`Failure`], also when there is nothing to report.
pub(crate) fn run(args: args::Report) -> Result<Status, Failure> {
    if let Some(seconds) = args.watch {
        return watch(&args, Duration::from_secs(seconds));
    }
    let report = judged::report_with_taps(question(&args))?;
    output::draw(&report, &args.pictures)?;
    output::write(&report, args.format, args.output.as_deref())?;
    if args.output.is_none() && args.format == Format::Table {
        let db = args.db.as_ref().map(|db| db.as_os_str().as_bytes());
        output::print(|medium, out| next::render(&next::after_report(&report, db), medium, out))?;
    }
    Ok(Status::Well)
}

fn question(args: &args::Report) -> Question {
    Question {
        db: args.db.clone(),
        program: args.program.clone(),
        since_micros: args.since.map(micros),
        thresholds: args.rule.into(),
    }
}

/// Writes the report again and again until it is ended.
fn watch(args: &args::Report, pause: Duration) -> Result<Status, Failure> {
    let mut follow = Follow::new(args.db.clone().unwrap_or_else(alive_collector::default_database))?;
    let mut screen = Screen::new();
    loop {
        match judged::report_with_taps(question(args)) {
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
