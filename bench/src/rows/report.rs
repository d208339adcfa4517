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
const COUNT: &str = "200";

/// Microseconds: DESIGN of the shim's promise for a whole report.
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
    let program = bench.program(OPEN_LOOP)?;
    let arguments = [OsStr::new("child"), path.as_os_str(), OsStr::new(COUNT), OsStr::new("each")];
    let mut least = [f64::INFINITY; 3];
    let turns =
        bench.turns(bench.effort.a_part(2), &surroundings, &program, &arguments, |variant, numbers| {
            least[variant] = least[variant].min(numbers[1]);
            numbers[0]
        })?;
    if listener.received() < 2 {
        return Err(Error::Unavailable(format!(
            "the shim reported no open of {}: is the preload library {} whole?",
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
