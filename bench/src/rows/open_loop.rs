//! What the rows that open and close have in common.

use std::ffi::OsStr;
use std::path::Path;

use crate::bench::{Bench, Effort};
use crate::driver::{OPEN_LOOP, Surroundings};
use crate::error::Error;
use crate::listener;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// Which process opens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Process {
    /// The one that was started.
    Parent,
    /// One that it forked.
    Child,
}

impl Process {
    /// The driver's word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Child => "child",
        }
    }
}

/// Whole blocks of `count` opens and closes of `path`: turns of the mean time of one, in nanoseconds.
pub(crate) fn whole(
    bench: &Bench,
    effort: Effort,
    surroundings: &[Surroundings],
    process: Process,
    path: &Path,
    count: usize,
) -> Result<Turns, Error> {
    let program = bench.program(OPEN_LOOP)?;
    let count = count.to_string();
    let arguments = [OsStr::new(process.word()), path.as_os_str(), OsStr::new(&count), OsStr::new("whole")];
    bench.turns(effort, surroundings, &program, &arguments, |_, numbers| numbers[0])
}

/// The line of `variant` against `base`.
pub(crate) fn line(
    row: &'static str,
    what: &str,
    turns: &Turns,
    variant: usize,
    base: usize,
    bar: Option<Bar>,
) -> Line {
    Line {
        row,
        what: what.to_owned(),
        unit: "ns",
        figure: Spread::of(turns.of(variant)),
        least: turns.least(variant),
        ratio: turns.ratio(variant, base).filter(|_| variant != base),
        bar,
    }
}

/// Nothing, the shim, redhook's hooks, and nothing once more: four lines about a path that is no code.
///
/// The last one shows what a ratio of two equal things looks like on this machine and at this time.
pub(crate) fn hook_cost(
    bench: &Bench,
    row: &'static str,
    process: Process,
    bar: Bar,
) -> Result<Vec<Line>, Error> {
    let surroundings = [
        Surroundings::default(),
        Surroundings {
            preload: Some(bench.shim()?),
            address: Some(listener::nobody()?),
            ..Surroundings::default()
        },
        Surroundings { preload: Some(bench.interposer()?), ..Surroundings::default() },
        Surroundings::default(),
    ];
    let path = bench.file("data.txt")?;
    let turns = whole(bench, bench.effort, &surroundings, process, &path, 1000)?;
    Ok(vec![
        line(row, "open+close, nothing preloaded", &turns, 0, 0, None),
        line(row, "open+close, shim", &turns, 1, 0, Some(bar)),
        line(row, "open+close, redhook real! (baseline)", &turns, 2, 0, None),
        line(row, "open+close, nothing once more (noise)", &turns, 3, 0, None),
    ])
}
