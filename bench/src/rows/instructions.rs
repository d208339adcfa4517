//! Instructions of a hooked call, counted by callgrind: unlike a time, the same at every run.
//!
//! The driver runs twice, with few blocks and with more; the difference, divided by the opens that
//! it makes, is free of start and end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::open_loop::Process;
use crate::bench::Bench;
use crate::driver::{OPEN_LOOP, Surroundings};
use crate::error::Error;
use crate::listener;
use crate::measure::Spread;
use crate::table::Line;

/// Opens in a block.
const COUNT: u32 = 100;
/// Blocks of the shorter and of the longer run.
const BLOCKS: [u32; 2] = [2, 12];

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let with = |preload| Surroundings { preload, address: None, under: Vec::new() };
    let nobody = listener::nobody()?;
    let surroundings = [
        ("nothing preloaded", with(None)),
        ("shim", Surroundings { address: Some(nobody), ..with(Some(bench.shim()?)) }),
        ("redhook real!", with(Some(bench.interposer()?))),
    ];
    let program = bench.program(OPEN_LOOP)?;
    let mut lines = Vec::new();
    for (process, file, what) in [
        (Process::Parent, "data.txt", "a file in the parent"),
        (Process::Child, "data.txt", "a file in a child"),
        (Process::Child, "Module.pm", "a .pm in a child"),
    ] {
        let path = bench.file(file)?;
        let mut bare = None;
        for (with, around) in &surroundings {
            let [few, more] = BLOCKS.map(|blocks| count(bench, around, &program, process, &path, blocks));
            let per_open = (more? - few?) / f64::from(COUNT * (BLOCKS[1] - BLOCKS[0]));
            let ratio = bare.map(|bare| per_open / bare);
            bare.get_or_insert(per_open);
            lines.push(Line {
                row: "instructions",
                what: format!("open+close of {what}, {with}"),
                unit: "instr",
                figure: Spread::of(vec![per_open]),
                least: None,
                ratio: ratio.and_then(|ratio| Spread::of(vec![ratio])),
                bar: None,
            });
        }
    }
    Ok(lines)
}

/// Instructions of the driver and its children over its whole life.
fn count(
    bench: &Bench,
    around: &Surroundings,
    program: &Path,
    process: Process,
    path: &Path,
    blocks: u32,
) -> Result<f64, Error> {
    let unavailable = |why: &str| {
        Error::Unavailable(format!("valgrind cannot count here: {why} (Debian: apt install valgrind)"))
    };
    let out = format!("--callgrind-out-file={}", bench.scratch().join("callgrind.%p").display());
    let under = ["valgrind", "--tool=callgrind", &out].map(str::to_owned).to_vec();
    let count = COUNT.to_string();
    let arguments = [OsStr::new(process.word()), path.as_os_str(), OsStr::new(&count), OsStr::new("whole")];
    let mut valgrind = Surroundings { under, ..around.clone() }
        .command(program, &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| unavailable(&error.to_string()))?;
    if let Some(mut orders) = valgrind.stdin.take() {
        let orders_given = orders.write_all(&b"\n".repeat(usize::try_from(blocks).unwrap_or(usize::MAX)));
        orders_given.map_err(Error::io("giving orders to a driver under valgrind"))?;
    }
    let done = valgrind.wait_with_output().map_err(Error::io("waiting for valgrind"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    match collected(&said) {
        Some(count) if done.status.success() => Ok(count),
        _ => Err(unavailable(said.lines().last().unwrap_or("it said nothing"))),
    }
}

/// The sum of callgrind's `==PID== Collected : N` lines, one of each process.
fn collected(said: &str) -> Option<f64> {
    let counts: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("Collected : ")?.1.split_whitespace().next()?.parse().ok())
        .collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_counts_of_all_processes_are_summed() {
        let said = "==7== \n==7== Events    : Ir\n==7== Collected : 1200\n==8== Collected : 34\n";
        assert_eq!(collected(said), Some(1234.0));
        assert_eq!(collected("valgrind: no such file"), None);
    }
}
