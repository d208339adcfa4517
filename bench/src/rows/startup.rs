//! What preloading adds to a short program: the dynamic linker's work, the constructor, and the
//! datagram that says that a program started.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use crate::bench::Bench;
use crate::driver::{Driver, SPAWN, Surroundings};
use crate::error::Error;
use crate::listener::{self, Listener};
use crate::measure::{Spread, Turns};
use crate::table::{Bar, Line};

const NONE: usize = 0;
const EMPTY: usize = 1;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let (empty, shim) = (bench.empty()?, bench.shim()?);
    let listener = Listener::start()?;
    let nobody = listener::nobody()?;
    let variant = |preload: &Path, setting: &str| {
        let mut word = OsString::from(preload);
        word.push(",");
        word.push(setting);
        word
    };
    let address = |address: SocketAddr| format!("ALIVE_ADDR={address}");
    let arguments = [
        OsString::from("/bin/true"),
        variant(Path::new(""), ""),
        variant(&empty, &address(nobody)),
        variant(&shim, &address(listener.address())),
        variant(&shim, &address(nobody)),
        variant(&shim, "ALIVE_OFF=1"),
    ];
    let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
    let program = bench.program(SPAWN)?;
    let mut driver = Driver::start(&Surroundings::default(), &program, &arguments)?;
    driver.block()?;
    let mut turns = Turns::new();
    for _ in 0..bench.effort.rounds * bench.effort.turns + 20 {
        turns.push(driver.block()?);
    }
    let what = [
        ("`true`, nothing preloaded", None),
        ("added by an empty library", None),
        ("added by the shim, collector listening", Some(Bar::RatioAtMost(2.0))),
        ("added by the shim, nobody listening", Some(Bar::RatioAtMost(2.0))),
        ("added by the shim, ALIVE_OFF=1", None),
    ];
    Ok(what.into_iter().enumerate().map(|(variant, (what, bar))| line(&turns, variant, what, bar)).collect())
}

/// The line of one variant: its own time for the first, else what it adds, against what the empty library adds.
fn line(turns: &Turns, variant: usize, what: &str, bar: Option<Bar>) -> Line {
    let (figure, least) = if variant == NONE {
        (Spread::of(turns.of(NONE)), turns.least(NONE))
    } else {
        let least = turns.least(variant).zip(turns.least(NONE)).map(|(with, without)| with - without);
        (turns.added(variant, NONE), least)
    };
    // Added times are small differences of large ones and may be negative in a turn, so the ratio
    // is that of their medians and quartiles, not one taken turn by turn.
    let ratio =
        turns.added(EMPTY, NONE).zip(figure).filter(|(empty, _)| variant > EMPTY && empty.median > 0.0).map(
            |(empty, added)| Spread {
                low: added.low / empty.median,
                median: added.median / empty.median,
                high: added.high / empty.median,
            },
        );
    Line { row: "startup", what: what.to_owned(), unit: "ns", figure, least, ratio, bar }.in_micros()
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::measure::Turns;
    use crate::table::Bar;

    #[test]
    fn the_ratio_is_that_of_the_added_times() {
        let mut turns = Turns::new();
        for base in [600e3, 900e3, 700e3] {
            turns.push(vec![base, base + 80e3, base + 120e3]);
        }
        let shim = line(&turns, 2, "shim", Some(Bar::RatioAtMost(2.0)));
        assert_eq!(shim.ratio.map(|ratio| ratio.median), Some(1.5));
        assert_eq!(shim.figure.map(|added| added.median), Some(120.0), "microseconds");
        assert_eq!(shim.reached(), Some(true));
        assert_eq!(line(&turns, 1, "empty", None).ratio, None);
        assert_eq!(line(&turns, 0, "none", None).figure.map(|time| time.median), Some(700.0));
    }
}
