//! What a report costs a worker of a real interpreter: its native stack is longer than that of a C
//! program, and the stack of its language is read as well.

use std::ffi::OsStr;
use std::path::Path;

use crate::bench::Bench;
use crate::driver::{FRAMES_PERL, FRAMES_PYTHON, Surroundings};
use crate::error::Error;
use crate::listener::Listener;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// Opens in a block.
const COUNT: &str = "100";

/// Microseconds that a whole report may take.
const MOST_MICROS: f64 = 15.0;

/// What `ALIVE_FRAMES` may ask for, and the bar of the one that is the default.
const FRAMES: [(&str, Option<Bar>); 3] =
    [("none", None), ("native", None), ("all", Some(Bar::MedianAtMost(MOST_MICROS)))];

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for (language, interpreter, source, file) in [
        ("Perl", "/usr/bin/perl", FRAMES_PERL, "Module.pm"),
        ("Python", "/usr/bin/python3", FRAMES_PYTHON, "module.py"),
    ] {
        if !Path::new(interpreter).is_file() {
            return Err(Error::Unavailable(format!("{interpreter} is not there: install {language}")));
        }
        let script = source.copy(bench.scratch())?;
        let path = bench.file(file)?;
        let listener = Listener::start()?;
        let with = |frames: &'static str| -> Result<Surroundings, Error> {
            Ok(Surroundings {
                preload: Some(bench.shim()?),
                address: Some(listener.address()),
                settings: vec![("ALIVE_FRAMES", frames)],
                ..Surroundings::default()
            })
        };
        let mut surroundings = vec![Surroundings::default()];
        for (frames, _) in FRAMES {
            surroundings.push(with(frames)?);
        }
        let arguments = [script.as_os_str(), path.as_os_str(), OsStr::new(COUNT)];
        let effort = bench.effort.a_part(3);
        let turns =
            bench.turns(effort, &surroundings, Path::new(interpreter), &arguments, |_, times| times[0])?;
        if listener.received() == 0 {
            return Err(Error::Unavailable(format!("{language} made no report: is libpostfork.so whole?")));
        }
        let bare = format!("open+close of {file} by {language}, nothing preloaded");
        lines.push(line(bare, Spread::of(turns.of(0)), turns.least(0), None));
        lines.extend((1..).zip(FRAMES).map(|(variant, (frames, bar))| {
            added(format!("added by its report, ALIVE_FRAMES={frames}"), &turns, variant, bar)
        }));
    }
    Ok(lines)
}

/// The line of what `variant` took longer than the first one.
fn added(what: String, turns: &Turns, variant: usize, bar: Option<Bar>) -> Line {
    let least = turns.least(variant).zip(turns.least(0)).map(|(with, without)| with - without);
    line(what, turns.added(variant, 0), least, bar)
}

fn line(what: String, figure: Option<Spread>, least: Option<f64>, bar: Option<Bar>) -> Line {
    Line { row: "frames", what, unit: "ns", figure, least, ratio: None, bar }.in_micros()
}

#[cfg(test)]
mod tests {
    use super::added;
    use crate::measure::Turns;
    use crate::table::Bar;

    #[test]
    fn a_report_is_held_against_its_bar_without_the_open_that_it_reports() {
        let mut turns = Turns::new();
        for speed in [1.0, 2.0, 1.0] {
            turns.push(vec![4_000.0 * speed, 18_000.0 * speed]);
        }
        let report = added("all".into(), &turns, 1, Some(Bar::MedianAtMost(15.0)));
        assert_eq!(report.figure.map(|added| added.median), Some(14.0), "microseconds");
        assert_eq!(report.reached(), Some(true));
    }
}
