//! The open loop under strace: what people use when they have no shim. Every open is of a file of
//! code and is reported by each of the three.

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
    let works = Command::new("strace")
        .args(["-qq", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        return Err(Error::Unavailable(
            "strace 5.3 or later that may trace is needed (Debian: apt install strace)".into(),
        ));
    }
    let listener = Listener::start()?;
    let under = |command: &str| Surroundings {
        under: command.split(' ').map(str::to_owned).collect(),
        ..Surroundings::default()
    };
    let surroundings = [
        Surroundings::default(),
        Surroundings {
            preload: Some(bench.shim()?),
            address: Some(listener.address()),
            ..Surroundings::default()
        },
        under(STRACE),
        under(&STRACE.replace("-f", "-f --seccomp-bpf")),
    ];
    let path = bench.file("Module.pm")?;
    let turns = whole(bench, bench.effort.a_part(6), &surroundings, Process::Child, &path, 50)?;
    Ok([
        "open+close of a .pm in a child, bare",
        "the same, shim reporting each",
        "the same, strace -f",
        "the same, strace -f --seccomp-bpf",
    ]
    .into_iter()
    .enumerate()
    .map(|(variant, what)| line("strace", what, &turns, variant, 0, None).in_micros())
    .collect())
}
