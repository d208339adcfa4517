//! A report on a million rows: 1,000 starts of a daemon with two kinds of workers that load 500 files each. It may use
//! all processors, as it does when somebody asks for it.

use std::ffi::OsStr;

use crate::bench::{Bench, Effort};
use crate::driver::Surroundings;
use crate::error::Error;
use crate::history::History;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// Most that a report may take, in milliseconds.
const MOST_MILLIS: f64 = 1_000.0;

/// Most memory that it may hold, in MiB.
const MOST_MIB: f64 = 200.0;

const MILLION: History = History { starts: 1_000, roles: 2, files: 500 };
const QUICK: History = History { starts: 10, ..MILLION };

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let history = if bench.effort.is_full() { MILLION } else { QUICK };
    let alive = bench.alive()?;
    let db = bench.scratch().join("history.db");
    history.write(&db)?;
    let report = [OsStr::new("report"), OsStr::new("--db"), db.as_os_str()];
    let forms: [&[&str]; 2] = [&[], &["--format", "json"]];
    let mut lines = Vec::new();
    for form in forms {
        let arguments: Vec<&OsStr> =
            [alive.as_os_str()].into_iter().chain(report).chain(form.iter().map(OsStr::new)).collect();
        let effort = Effort { rounds: 1, turns: bench.effort.rounds };
        let around = Surroundings { has_all_processors: true, ..Surroundings::default() };
        let (times, held) = bench.time_and_memory(effort, around, &arguments)?;
        let what = format!(
            "alive report {}on {} rows",
            form.iter().map(|word| format!("{word} ")).collect::<String>(),
            history.rows()
        );
        let line = |what, unit, turns: &Turns, most| Line {
            row: "million",
            what,
            unit,
            figure: Spread::of(turns.of(0)),
            least: turns.least(0),
            ratio: None,
            bar: Some(Bar::MedianAtMost(most)),
        };
        lines.push(line(what.clone(), "ms", &times, MOST_MILLIS));
        lines.push(line(format!("{what}, most memory"), "MiB", &held, MOST_MIB));
    }
    Ok(lines)
}
