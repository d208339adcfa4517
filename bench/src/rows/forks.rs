//! What the shim costs a fork: its handlers, and the page that every child begins anew. The empty
//! library shows how much of it is a library's mappings, which fork copies and exit undoes.

use std::ffi::OsStr;

use crate::bench::Bench;
use crate::driver::{FORKS, Surroundings};
use crate::error::Error;
use crate::listener::Listener;
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

/// The variant that has a bar to reach.
const SHIM: usize = 1;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let listener = Listener::start()?;
    let surroundings = [
        Surroundings::default(),
        Surroundings {
            preload: Some(bench.shim()?),
            address: Some(listener.address()),
            ..Surroundings::default()
        },
        Surroundings { preload: Some(bench.empty()?), ..Surroundings::default() },
    ];
    let program = bench.program(FORKS)?;
    let mut lines = Vec::new();
    for (megabytes, count, part) in [("5", "40", 1), ("200", "5", 3)] {
        let effort = bench.effort.a_part(part);
        let arguments = [OsStr::new(megabytes), OsStr::new(count)];
        let times = bench.turns(effort, &surroundings, &program, &arguments, |_, numbers| numbers[0])?;
        let rates = rates(&times);
        for (variant, with) in ["nothing preloaded", "shim", "empty library"].into_iter().enumerate() {
            lines.push(Line {
                row: "forks",
                what: format!("fork+_exit+wait at {megabytes} MB, {with}"),
                unit: "/s",
                figure: Spread::of(rates.of(variant)),
                least: rates.least(variant),
                ratio: rates.ratio(variant, 0).filter(|_| variant != 0),
                bar: (variant == SHIM).then_some(Bar::RatioAtLeast(0.97)),
            });
        }
    }
    Ok(lines)
}

/// Nanoseconds of one as how many in a second.
fn rates(times: &Turns) -> Turns {
    times.map(|nanos| 1e9 / nanos)
}

#[cfg(test)]
mod tests {
    use super::rates;
    use crate::measure::Turns;

    #[test]
    fn twice_the_time_is_half_the_rate() {
        let mut times = Turns::new();
        times.push(vec![100_000.0, 200_000.0]);
        let rates = rates(&times);
        assert_eq!(rates.of(0), [10_000.0]);
        assert_eq!(rates.ratio(1, 0).map(|ratio| ratio.median), Some(0.5));
    }
}
