//! Seeds for what is tried out at random: the same few in every ordinary run, and more on demand.
//!
//! `ALIVE_FUZZ_SECONDS` goes on for so long, `ALIVE_FUZZ_SEED` begins with another one than 1.

use std::time::{Duration, Instant};

/// Seeds, one after the other: so many, or until the time that was asked for is over.
///
/// # Panics
/// When a variable of the environment is no number.
pub fn seeds(ordinary: u64) -> impl Iterator<Item = u64> {
    let first = number("ALIVE_FUZZ_SEED").unwrap_or(1);
    let until = number("ALIVE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    (first..).take_while(move |seed| match until {
        Some(until) => Instant::now() < until,
        None => *seed < first + ordinary,
    })
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}: give it a number")))
}
