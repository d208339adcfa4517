//! A report on 100,000 different files that the workers of one place load: how long it takes in each form, and the
//! memory that it holds.

use std::ffi::OsStr;

use crate::bench::{Bench, Effort};
use crate::driver::Surroundings;
use crate::error::Error;
use crate::history::History;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// Most memory that a report may hold, in MiB: what is written is not kept.
const MOST_MIB: f64 = 200.0;

const WIDE: History = History { starts: 1, roles: 1, files: 100_000 };
const QUICK: History = History { files: 1_000, ..WIDE };

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let history = if bench.effort.is_full() { WIDE } else { QUICK };
    let alive = bench.alive()?;
    let db = bench.scratch().join("wide.db");
    history.write(&db)?;
    let page = bench.scratch().join("wide.html");
    let report = [alive.as_os_str(), OsStr::new("report"), OsStr::new("--db"), db.as_os_str()];
    let forms: [(&str, Vec<&OsStr>); 3] = [
        ("alive report", Vec::new()),
        ("alive report --format json", vec![OsStr::new("--format"), OsStr::new("json")]),
        ("alive report --html FILE", vec![OsStr::new("--html"), page.as_os_str()]),
    ];
    let mut lines = Vec::new();
    for (what, form) in forms {
        let arguments: Vec<&OsStr> = report.into_iter().chain(form).collect();
        let effort = Effort { rounds: 1, turns: bench.effort.daemons(3) };
        let (times, held) = bench.time_and_memory(effort, Surroundings::default(), &arguments)?;
        let what = format!("{what} on {} different loads", history.rows());
        let line = |what, unit, turns: &Turns, bar| Line {
            row: "wide",
            what,
            unit,
            figure: Spread::of(turns.of(0)),
            least: turns.least(0),
            ratio: None,
            bar,
        };
        lines.push(line(what.clone(), "ms", &times, None));
        lines.push(line(format!("{what}, most memory"), "MiB", &held, Some(Bar::MedianAtMost(MOST_MIB))));
    }
    Ok(lines)
}
