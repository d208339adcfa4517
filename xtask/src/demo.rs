//! `cargo xtask demo`: a preforking daemon under `alive run`, driven, stopped, and its report checked.

mod report;
mod visitors;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cargo;
use crate::failure::{Context, Failure};

/// Longest time from the daemon's start to the end of the report.
const DEADLINE: Duration = Duration::from_secs(110);

/// What the demo daemon prints in front of its address.
const READY: &str = "lazyd: listening on ";

/// Builds, runs, drives, stops, reports, checks.
pub(crate) fn run() -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["build", "--release", "--package", "alive", "--package", "postfork"]))?;
    let folder = cargo::target().join("demo");
    let database = folder.join("alive.db");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context(format!("removing {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).context(format!("making {}", folder.display()))?;

    let mut alive = Command::new(cargo::built("alive"));
    alive.current_dir(cargo::root()).args(["run", "--db"]).arg(&database);
    alive.args(["--", "perl", "demo/bin/lazyd"]).stdin(Stdio::null()).stdout(Stdio::piped());
    eprintln!("xtask: alive run --db {} -- perl demo/bin/lazyd", database.display());
    let mut child = alive.spawn().context("alive run")?;
    let _watch = Watch::over(&child);
    let driven = child.stdout.take().map_or(Ok(()), |stdout| drive(&child, stdout));
    let status = child.wait().context("alive run")?;
    driven?;
    if !status.success() {
        return Err(Failure::Status { command: "alive run".to_owned(), status });
    }
    check(&database)
}

/// Passes the daemon's output and the report on to ours; once it listens, visits every page and
/// stops it. The report follows on the same output.
fn drive(alive: &Child, stdout: ChildStdout) -> Result<(), Failure> {
    let mut ours = std::io::stdout().lock();
    let mut visited = false;
    for line in BufReader::new(stdout).split(b'\n') {
        let mut line = line.context("reading from alive run")?;
        let address = std::str::from_utf8(&line).ok().and_then(|line| line.strip_prefix(READY)?.parse().ok());
        line.push(b'\n');
        ours.write_all(&line).context("standard output")?;
        if let Some(address) = address {
            let went = visit(address);
            stop(alive)?;
            went?;
            visited = true;
        }
    }
    if visited { Ok(()) } else { Err(Failure::Findings(vec![format!("the daemon never said `{READY}`")])) }
}

/// Everything that the visitors do, in words.
fn visit(address: SocketAddr) -> Result<(), Failure> {
    eprintln!("xtask: one visitor at a time, so that only the first worker gets warm");
    visitors::one_by_one(address)?;
    eprintln!("xtask: three visitors at a time, so that three workers load the same things");
    visitors::together(address, 3)
}

/// SIGTERM to `alive run`, which passes it on to the daemon.
fn stop(alive: &Child) -> Result<(), Failure> {
    kill(pid_of(alive), Signal::SIGTERM).map_err(std::io::Error::from).context("stopping the demo daemon")
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Asks for the report once more, in the form for programs, and checks it.
fn check(database: &Path) -> Result<(), Failure> {
    let mut again = Command::new(cargo::built("alive"));
    again.args(["report", "--format", "json", "--db"]).arg(database);
    let shared = report::shared_loads(&cargo::output(&mut again)?)?;
    println!("demo: {} late loads of two workers or more, each with who asked", shared.len());
    println!("demo: look again with  alive report --db {}", database.display());
    if shared.len() >= report::ENOUGH {
        return Ok(());
    }
    let found = if shared.is_empty() { "none".to_owned() } else { shared.join(", ") };
    Err(Failure::Findings(vec![format!(
        "the report holds only {found}; {} late loads of two workers were expected",
        report::ENOUGH
    )]))
}

/// Processes that the main thread of a process has started.
fn children(pid: Pid) -> impl Iterator<Item = Pid> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .map(Pid::from_raw)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Kills a child that takes too long, so that a hung demonstration does not hang its caller.
struct Watch {
    _done: mpsc::Sender<()>,
}

impl Watch {
    fn over(child: &Child) -> Self {
        let (done, ended) = mpsc::channel::<()>();
        let pid = pid_of(child);
        std::thread::spawn(move || {
            if ended.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("xtask: the demonstration took longer than {DEADLINE:?}; it is ended");
                // The daemon first: it holds the other end of the pipe that is being read.
                for process in children(pid).chain([pid]) {
                    // Gone already, when this comes too late.
                    let _ = kill(process, Signal::SIGKILL);
                }
            }
        });
        Self { _done: done }
    }
}
