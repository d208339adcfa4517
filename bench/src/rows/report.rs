//! What one report costs: a worker opens a file of code, the native stack of 20 calls and more is
//! walked, and a datagram is sent. No interpreter runs in the driver, so no language stack is read.

use std::ffi::OsStr;

use super::open_loop::line;
use crate::bench::Bench;
use crate::driver::{OPEN_LOOP, Surroundings};
use crate::error::Error;
use crate::listener::{self, Listener};
use crate::table::{Bar, Line};

/// Opens in a block. Few enough that the median of a block is of one short moment.
const COUNT: usize = 200;

/// Microseconds that a whole report may take.
const MOST_MICROS: f64 = 15.0;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let shim = bench.shim()?;
    let listener = Listener::start()?;
    let path = bench.file("Module.pm")?;
    let with = |address| Surroundings {
        preload: Some(shim.clone()),
        address: Some(address),
        ..Surroundings::default()
    };
    let surroundings = [Surroundings::default(), with(listener.address()), with(listener::nobody()?)];
    let (program, count) = (bench.program(OPEN_LOOP)?, COUNT.to_string());
    let effort = bench.effort.a_part(2);
    let arguments = [OsStr::new("child"), path.as_os_str(), OsStr::new(&count), OsStr::new("each")];
    let mut least = [f64::INFINITY; 3];
    let turns = bench.turns(effort, &surroundings, &program, &arguments, |variant, numbers| {
        least[variant] = least[variant].min(numbers[1]);
        numbers[0]
    })?;
    // The start of each driver is reported, too; what counts is that the opens were.
    let opens = effort.rounds * effort.turns * COUNT;
    let reported = usize::try_from(listener.received()).unwrap_or(usize::MAX);
    if reported < opens {
        return Err(Error::Unavailable(format!(
            "{opens} opens of {} made {reported} reports: is the preload library {} whole?",
            path.display(),
            shim.display()
        )));
    }
    let lines = [
        ("open+close of a .pm in a child, nothing preloaded", None),
        ("the same with a report, collector listening", Some(Bar::MedianAtMost(MOST_MICROS))),
        ("the same with a report, nobody listening", None),
    ];
    Ok(lines
        .into_iter()
        .zip(least)
        .enumerate()
        .map(|(variant, ((what, bar), least))| {
            let measured = line("report", what, &turns, variant, 0, bar);
            Line { least: Some(least), ..measured }.in_micros()
        })
        .collect())
}
