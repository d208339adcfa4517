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
    let bursts = Bursts::take(&installed, &[bare(), shim, bare()], bench.effort.daemons(TURNS[0]))?;
    if collector.receiver_nanos()? <= quiet {
        return Err(Error::Unavailable("the collector received nothing: is libpostfork.so whole?".into()));
    }
    drop(collector);
    let bar = Some(Bar::RatioAtMost(1.05));
    let what = format!("first request to {}, {} modules", server.name(), bursts.modules);
    let mut lines = bursts.lines(&what, 0, None);
    lines.extend(bursts.lines("the same, shim and collector", 1, bar));
    lines.extend(bursts.lines("the same, nothing once more (noise)", 2, None));
    if strace_can("--seccomp-bpf") {
        let under = |command: &str| Surroundings {
            under: command.split_whitespace().map(str::to_owned).collect(),
            ..bare()
        };
        let surroundings = [bare(), under(STRACE), under(FILTERED)];
        let bursts = Bursts::take(&installed, &surroundings, bench.effort.daemons(TURNS[1]))?;
        lines.extend(bursts.lines("the same, strace -f", 1, None));
        lines.extend(bursts.lines("the same, strace -f --seccomp-bpf of calls on files", 2, None));
    }
    Ok(lines)
}

/// First bursts of fresh daemons.
struct Bursts {
    /// As the client saw them.
    elapsed: Turns,
    /// On a processor: what is left of them on a machine that is busy otherwise.
    busy: Turns,
    /// Modules that one of them loads.
    modules: usize,
}

impl Bursts {
    fn take(installed: &Installed, surroundings: &[Surroundings], turns: usize) -> Result<Self, Error> {
        // What lies on disk is read into memory by the first one.
        let modules = installed.start(&Surroundings::default())?.burst()?.modules;
        let mut busy: Vec<Vec<f64>> = vec![vec![f64::NAN; surroundings.len()]; turns];
        let mut elapsed = Turns::new();
        let mut taken = 0;
        elapsed.take(surroundings.len(), turns, |variant| {
            let burst = installed.start(&surroundings[variant])?.burst()?;
            busy[taken / surroundings.len()][variant] = burst.busy_nanos;
            taken += 1;
            Ok::<_, Error>(burst.nanos)
        })?;
        let mut on_processor = Turns::new();
        busy.into_iter().for_each(|turn| on_processor.push(turn));
        Ok(Self { elapsed, busy: on_processor, modules })
    }

    /// Both times of a variant against the first one.
    fn lines(&self, what: &str, variant: usize, bar: Option<Bar>) -> Vec<Line> {
        [(&self.elapsed, ""), (&self.busy, ": time on a processor")]
            .map(|(turns, which)| {
                line("burst", &format!("{what}{which}"), turns, variant, 0, bar).in_micros()
            })
            .to_vec()
    }
}
