//! Instructions of a hooked call, counted by callgrind: unlike a time, the same at every run. What the
//! kernel does for a call is not among them.
//!
//! The driver runs twice, with few blocks and with more; the difference, divided by the calls that
//! it makes, is free of start and end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::open_loop::Process;
use crate::bench::Bench;
use crate::driver::{CALLS, Surroundings};
use crate::error::Error;
use crate::listener;
use crate::measure::Spread;
use crate::table::Line;

/// Calls in a block.
const COUNT: u32 = 100;
/// Blocks of the shorter and of the longer run.
const BLOCKS: [u32; 2] = [2, 12];

/// A call whose instructions are counted.
struct Case {
    what: &'static str,
    process: Process,
    /// The driver's word for it.
    call: &'static str,
    path: Target,
}

/// What the call is given.
enum Target {
    /// A file that is there.
    File(&'static str),
    /// One that is not.
    Absent(&'static str),
    /// A library that is loaded already, by its name.
    Library(&'static str),
}

/// One of each family of hooks, in a process that was forked and in one that was not.
const CASES: [Case; 11] = {
    use Process::{Child, Parent};
    use Target::{Absent, File, Library};
    const fn case(what: &'static str, process: Process, call: &'static str, path: Target) -> Case {
        Case { what, process, call, path }
    }
    [
        case("open+close of a file in the parent", Parent, "open", File("data.txt")),
        case("open+close of a .pm in the parent", Parent, "open", File("Module.pm")),
        case("open+close of a file in a child", Child, "open", File("data.txt")),
        case("open+close of a .pm in a child, reported", Child, "open", File("Module.pm")),
        case("open of a .pm that is not there in a child", Child, "open", Absent("Absent.pm")),
        case("stat of a file in a child", Child, "stat", File("data.txt")),
        case("stat of a .pm that is not there in a child", Child, "stat", Absent("Absent.pm")),
        case("fopen+fclose of a file in a child", Child, "fopen", File("data.txt")),
        case("dlopen+dlclose of a loaded library, parent", Parent, "dlopen", Library("libc.so.6")),
        case("dlopen+dlclose of a loaded library, child", Child, "dlopen", Library("libc.so.6")),
        case("fork+wait, as the parent has it", Parent, "fork", File("data.txt")),
    ]
};

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let with = |preload| Surroundings { preload, ..Surroundings::default() };
    let bare = ("nothing preloaded", with(None));
    let shim = ("shim", Surroundings { address: Some(listener::nobody()?), ..with(Some(bench.shim()?)) });
    let redhook = ("redhook real!", with(Some(bench.interposer()?)));
    let empty = ("empty library", with(Some(bench.empty()?)));
    let program = bench.program(CALLS)?;
    let mut lines = Vec::new();
    for case in &CASES {
        let path = case.path.prepare(bench)?;
        let per_call = |around: &Surroundings| -> Result<f64, Error> {
            let [few, more] = BLOCKS.map(|blocks| {
                let count = COUNT.to_string();
                let words = [case.process.word(), case.call].map(OsStr::new);
                let arguments = [words[0], words[1], path.as_os_str(), OsStr::new(&count)];
                let whose = if case.call == "fork" { Whose::Parent } else { Whose::Everyone };
                count_of(bench, around, &program, &arguments, blocks, whose)
            });
            Ok((more? - few?) / f64::from(COUNT * (BLOCKS[1] - BLOCKS[0])))
        };
        // redhook's hooks are those of the interposer in the tests, which has no others than open's.
        let variants = if case.call == "open" { vec![&bare, &shim, &redhook] } else { vec![&bare, &shim] };
        lines.extend(counted(case.what, &variants, per_call)?);
    }
    let start =
        |around: &Surroundings| count_of(bench, around, Path::new("/bin/true"), &[], 0, Whose::Parent);
    lines.extend(counted("start and end of `true`", &[&bare, &shim, &empty], start)?);
    Ok(lines)
}

impl Target {
    fn prepare(&self, bench: &Bench) -> Result<PathBuf, Error> {
        match self {
            Self::File(name) => bench.file(name),
            Self::Absent(name) => Ok(bench.scratch().join(name)),
            Self::Library(name) => Ok(PathBuf::from(name)),
        }
    }
}

/// One line for each of the variants; the first one is the base of the ratios.
fn counted(
    what: &str,
    variants: &[&(&str, Surroundings)],
    count: impl Fn(&Surroundings) -> Result<f64, Error>,
) -> Result<Vec<Line>, Error> {
    let mut bare = None;
    let mut lines = Vec::new();
    for (with, around) in variants {
        let instructions = count(around)?;
        let ratio = bare.map(|bare| instructions / bare);
        bare.get_or_insert(instructions);
        lines.push(Line {
            row: "instructions",
            what: format!("{what}, {with}"),
            unit: "instr",
            figure: Spread::of(vec![instructions]),
            least: None,
            ratio: ratio.and_then(|ratio| Spread::of(vec![ratio])),
            bar: None,
        });
    }
    Ok(lines)
}

/// Which processes are counted.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// The one that was started, and its children: a child's count begins with its parent's so far,
    /// which is the same in a shorter and a longer run where only one child is forked.
    Everyone,
    /// The one that was started.
    Parent,
}

/// Instructions of the program over its whole life, in which it gets so many orders.
pub(super) fn count_of(
    bench: &Bench,
    around: &Surroundings,
    program: &Path,
    arguments: &[&OsStr],
    blocks: u32,
    whose: Whose,
) -> Result<f64, Error> {
    let unavailable = |why: &str| {
        Error::Unavailable(format!("valgrind cannot count here: {why} (Debian: apt install valgrind)"))
    };
    let out = format!("--callgrind-out-file={}", bench.scratch().join("callgrind.%p").display());
    let under = ["valgrind", "--tool=callgrind", &out].map(str::to_owned).to_vec();
    let mut valgrind = Surroundings { under, ..around.clone() }
        .command(program, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| unavailable(&error.to_string()))?;
    let only = match whose {
        Whose::Everyone => None,
        Whose::Parent => Some(valgrind.id()),
    };
    if let Some(mut orders) = valgrind.stdin.take() {
        let orders_given = orders.write_all(&b"\n".repeat(usize::try_from(blocks).unwrap_or(usize::MAX)));
        orders_given.map_err(Error::io("giving orders to a driver under valgrind"))?;
    }
    let done = valgrind.wait_with_output().map_err(Error::io("waiting for valgrind"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    match collected(&said, only) {
        Some(count) if done.status.success() => Ok(count),
        _ => Err(unavailable(said.lines().last().unwrap_or("it said nothing"))),
    }
}

/// The sum of callgrind's `==PID== Collected : N` lines, one of each process, or of one only.
fn collected(said: &str, only: Option<u32>) -> Option<f64> {
    let counts: Vec<f64> = said
        .lines()
        .filter_map(|line| {
            let (head, count) = line.split_once("Collected : ")?;
            let pid: u32 = head.trim().trim_matches('=').parse().ok()?;
            only.is_none_or(|only| only == pid).then(|| count.split_whitespace().next()?.parse().ok())?
        })
        .collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::collected;

    const SAID: &str = "==7== \n==7== Events    : Ir\n==7== Collected : 1200\n==8== Collected : 34\n";

    #[test]
    fn the_counts_of_all_processes_are_summed() {
        assert_eq!(collected(SAID, None), Some(1234.0));
        assert_eq!(collected("valgrind: no such file", None), None);
    }

    #[test]
    fn one_process_can_be_counted_alone() {
        assert_eq!(collected(SAID, Some(7)), Some(1200.0));
        assert_eq!(collected(SAID, Some(9)), None);
    }
}
