//! The first request of a worker that loads its application's modules late: what a daemon under the
//! shim is slower, where it is slowed at all. Afterwards the modules are there.
//!
//! Each turn starts a fresh daemon for each variant. strace is what people use when they have no
//! shim; it runs on the processor of what it traces, which suits it.

use super::open_loop::line;
use super::strace::strace_can;
use crate::bench::Bench;
use crate::collector::Collector;
use crate::daemon::{Installed, Server};
use crate::driver::Surroundings;
use crate::error::Error;
use crate::listener;
use crate::measure::Turns;
use crate::table::{Bar, Line};

/// Turns of the variants that are quick, and of those with strace.
const TURNS: [usize; 2] = [18, 4];

/// Follows all processes and writes down every call.
const STRACE: &str = "strace -qq -f -o /dev/null";

/// The calls that load and look for code, and only these stop the program.
const FILTERED: &str = "strace -qq -f --seccomp-bpf -e \
                        trace=open,openat,stat,lstat,newfstatat,access,mmap,execve -o /dev/null";

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for server in [Server::Gunicorn, Server::Starman] {
        lines.extend(measure_one(bench, server)?);
    }
    Ok(lines)
}

fn measure_one(bench: &Bench, server: Server) -> Result<Vec<Line>, Error> {
    let installed = server.install(bench.scratch())?;
    let address = listener::nobody()?;
    let collector = Collector::start(&bench.collector()?, address, bench.scratch())?;
    let bare = Surroundings::default;
    let shim = Surroundings { preload: Some(bench.shim()?), address: Some(address), ..bare() };
    let quiet = collector.receiver_nanos()?;
    let (turns, modules) = bursts(&installed, &[bare(), shim, bare()], bench.effort.daemons(TURNS[0]))?;
    if collector.receiver_nanos()? <= quiet {
        return Err(Error::Unavailable("the collector received nothing: is libpostfork.so whole?".into()));
    }
    drop(collector);
    let what = format!("first request to {}, {modules} modules", server.name());
    let row = |what: &str, turns, variant, bar| line("burst", what, turns, variant, 0, bar).in_micros();
    let mut lines = vec![
        row(&what, &turns, 0, None),
        row("the same, shim and collector", &turns, 1, Some(Bar::RatioAtMost(1.05))),
        row("the same, nothing once more (noise)", &turns, 2, None),
    ];
    if strace_can("--seccomp-bpf") {
        let under = |command: &str| Surroundings {
            under: command.split_whitespace().map(str::to_owned).collect(),
            ..bare()
        };
        let surroundings = [bare(), under(STRACE), under(FILTERED)];
        let (turns, _) = bursts(&installed, &surroundings, bench.effort.daemons(TURNS[1]))?;
        lines.push(row("the same, strace -f", &turns, 1, None));
        lines.push(row("the same, strace -f --seccomp-bpf of calls on files", &turns, 2, None));
    }
    Ok(lines)
}

/// Turns of the first burst of a fresh daemon in each of the surroundings, and the modules that it loads.
fn bursts(
    installed: &Installed,
    surroundings: &[Surroundings],
    turns: usize,
) -> Result<(Turns, usize), Error> {
    // What lies on disk is read into memory by the first one.
    let modules = installed.start(&Surroundings::default())?.burst()?.modules;
    let mut taken = Turns::new();
    taken.take(surroundings.len(), turns, |variant| {
        installed.start(&surroundings[variant])?.burst().map(|burst| burst.nanos)
    })?;
    Ok((taken, modules))
}
