//! `cargo xtask fuzz`: what comes from anybody, under libFuzzer, from seeds that are in order.
//!
//! A fuzzer that begins with nothing does not find the first bytes of an event, and then reads nothing else: its
//! executions count for little. So each target's corpus begins with the golden files.

#[path = "../../wire/tests/golden/files.rs"]
mod files;

use std::fs;

use clap::ValueEnum;

use crate::cargo;
use crate::failure::{Context, Failure};

/// Longest input, in bytes: more than the longest datagram that is accepted.
const MAX_LEN: usize = 4_096;

/// Taps as text, each without what the target puts before it.
const TAPS: [&str; 4] = [
    "name=cart\tfile=/srv/a.pl\tline=3\tcaller=x%41",
    "name=a%20b\tservice=shop\thost=h1\tpid=4241\tcart=7\ttime=1700000000.5",
    "name=%ff\tfile=\tline=0",
    "name=a\nalive1\tping\tname=b\r\nalive1\tping\tname=c",
];

/// What is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Any bytes as a datagram, and what was read of it written again
    Decode,
    /// Any bytes as the columns and lines of taps
    Text,
    /// Datagrams one after the other into a collector's sums, which are held against what was heard
    Hear,
}

impl Target {
    const ALL: [Self; 3] = [Self::Decode, Self::Text, Self::Hear];

    const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Text => "text",
            Self::Hear => "hear",
        }
    }

    /// The package that it belongs to.
    const fn folder(self) -> &'static str {
        match self {
            Self::Decode | Self::Text => "wire",
            Self::Hear => "collector",
        }
    }

    /// Inputs that are in order.
    fn seeds(self) -> Vec<Vec<u8>> {
        let golden = files::ALL.map(files::bytes);
        let taps = TAPS.map(|tap| tap.as_bytes().to_vec());
        match self {
            Self::Decode => golden.iter().cloned().chain([golden.concat()]).collect(),
            Self::Text => taps.into(),
            Self::Hear => {
                let lines = taps.map(|tap| [b"alive1\tping\t", &tap[..], b"\n"].concat());
                let heard: Vec<_> =
                    golden.iter().cloned().chain(lines).map(|datagram| step(&datagram)).collect();
                let all = heard.concat();
                heard.into_iter().chain([[&all[..], &all].concat(), all]).collect()
            }
        }
    }
}

/// A datagram as a step of the target `hear`: a byte that asks for nothing else to be done, and its length.
fn step(datagram: &[u8]) -> Vec<u8> {
    let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&[u8::MAX], &length[..], datagram].concat()
}

/// Lets targets run for so many seconds each: those that are named, or all.
pub(crate) fn run(targets: &[Target], seconds: u64) -> Result<(), Failure> {
    if !cargo::has("fuzz") {
        return Err(Failure::Findings(vec![
            "cargo-fuzz is missing: cargo install --locked cargo-fuzz".into(),
        ]));
    }
    for &target in if targets.is_empty() { &Target::ALL } else { targets } {
        let folder = cargo::root().join(target.folder());
        let corpus = folder.join("fuzz/corpus").join(target.name());
        fs::create_dir_all(&corpus).context(corpus.display().to_string())?;
        for (number, seed) in (1..).zip(target.seeds()) {
            let file = corpus.join(format!("seed-{number}"));
            fs::write(&file, seed).context(file.display().to_string())?;
        }
        // No code there is unsafe, so no sanitizer is needed, and a stable compiler will do.
        let mut fuzz = cargo::cargo(&["fuzz", "run", "-s", "none", target.name(), "--"]);
        fuzz.args([format!("-max_total_time={seconds}"), format!("-max_len={MAX_LEN}")]);
        fuzz.args(["-print_final_stats=1"]).current_dir(&folder).env("RUSTC_BOOTSTRAP", "1");
        cargo::run(&mut fuzz)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_begins_with_what_is_in_order() {
        for target in Target::ALL {
            let seeds = target.seeds();
            assert!(
                seeds.len() >= TAPS.len() && seeds.iter().all(|seed| seed.len() <= MAX_LEN),
                "{target:?}"
            );
        }
        assert!(Target::Decode.seeds().iter().all(|event| event.starts_with(b"ALV1")));
        assert_eq!(step(b"abc"), *b"\xff\x03\x00abc");
    }
}
