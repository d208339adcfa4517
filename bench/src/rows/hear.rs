//! What one datagram costs the collector's receiving thread beyond receiving it, in instructions, by callgrind.
//! They repeat where times do not, so a change of a hundredth is seen; what they leave out is waiting for memory.
//!
//! The driver is an aggregate that hears the same datagrams as in `receive`, in two runs of which one hears more.
//! What the first ones add to the sums, such as sample stacks, is in both.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::instructions::{Whose, count_of};
use crate::bench::Bench;
use crate::driver::Surroundings;
use crate::error::Error;
use crate::measure::Spread;
use crate::table::Line;

/// Datagrams that the shorter run hears: every sum has looked at as many stacks as it will.
const FEW: u32 = 7_200;

/// Datagrams that the longer run hears, and that both make.
const MANY: u32 = 12_000;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    [
        ("load", "a load that is known, its native stack: 430 bytes"),
        ("lines", "the same with four lines of Perl"),
        ("ping", "a ping as text"),
    ]
    .into_iter()
    .map(|(sample, what)| {
        let instructions = (heard(bench, sample, MANY)? - heard(bench, sample, FEW)?) / f64::from(MANY - FEW);
        Ok(Line {
            row: "hear",
            what: what.to_owned(),
            unit: "instr",
            figure: Spread::of(vec![instructions]),
            least: None,
            ratio: None,
            bar: None,
        })
    })
    .collect()
}

/// Instructions of a driver that hears so many datagrams.
fn heard(bench: &Bench, sample: &str, count: u32) -> Result<f64, Error> {
    let (made, heard) = (MANY.to_string(), count.to_string());
    let arguments = [sample, &made, &heard].map(OsStr::new);
    count_of(bench, &Surroundings::default(), &driver()?, &arguments, 0, Whose::Parent)
}

fn driver() -> Result<PathBuf, Error> {
    let myself = std::env::current_exe().map_err(Error::io("looking for the driver"))?;
    let driver = myself.with_file_name("hear_driver");
    if driver.is_file() { Ok(driver) } else { Err(Error::NotBuilt(driver)) }
}
