//! The open loop under strace: what people use when they have no shim.
//!
//! Once for a file that is no code, as a worker opens all day: the shim is silent, strace is not.
//! Once for a file of code, which all of them report; with `-k` strace walks the stack, too, as
//! the shim does. Tracer and traced share one processor here, which suits strace: the switch
//! between them is short.

use std::process::{Command, Stdio};

use super::open_loop::{Process, line, whole};
use crate::bench::Bench;
use crate::driver::Surroundings;
use crate::error::Error;
use crate::listener::Listener;
use crate::table::Line;

/// Writes down the calls that open, in all processes.
const STRACE: &str = "strace -qq -f -e trace=open,openat,creat -o /dev/null";

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    if !strace_can("--seccomp-bpf") {
        return Err(Error::Unavailable(
            "strace 5.3 or later that may trace is needed (Debian: apt install strace)".into(),
        ));
    }
    let listener = Listener::start()?;
    let under = |command: &str| Surroundings {
        under: command.split(' ').map(str::to_owned).collect(),
        ..Surroundings::default()
    };
    let shim = Surroundings {
        preload: Some(bench.shim()?),
        address: Some(listener.address()),
        ..Surroundings::default()
    };
    let bpf = STRACE.replace(" -f", " -f --seccomp-bpf");
    let silent = vec![
        ("open+close in a child, bare", Surroundings::default()),
        ("the same, shim, which has nothing to report", shim.clone()),
        ("the same, strace -f", under(STRACE)),
        ("the same, strace -f --seccomp-bpf", under(&bpf)),
    ];
    let mut reported = vec![
        ("open+close of a .pm in a child, bare", Surroundings::default()),
        ("the same, shim reporting each with its stack", shim),
        ("the same, strace -f", under(STRACE)),
        ("the same, strace -f --seccomp-bpf", under(&bpf)),
    ];
    // Not every strace is built with an unwinder.
    if strace_can("-k") {
        reported.push(("the same, strace -f --seccomp-bpf -k", under(&bpf.replace(" -f", " -k -f"))));
    }
    let mut lines = Vec::new();
    for (file, count, variants) in [("data.txt", 200, silent), ("Module.pm", 50, reported)] {
        let path = bench.file(file)?;
        let (what, surroundings): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
        let turns = whole(bench, bench.effort.a_part(10), &surroundings, Process::Child, &path, count)?;
        lines.extend(
            what.iter()
                .enumerate()
                .map(|(variant, what)| line("strace", what, &turns, variant, 0, None).in_micros()),
        );
    }
    Ok(lines)
}

/// Whether strace is there, may trace, and knows `option`.
pub(crate) fn strace_can(option: &str) -> bool {
    Command::new("strace")
        .args(["-qq", "-f", option, "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
