//! A real daemon under the shim and under strace in the same run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::oracle::{self, Truth};
use crate::running::Running;
use crate::scene::Scene;
use crate::unfound::{self, Unfound};
use crate::{artifacts, strace};

/// Longest time until a daemon answers, and until it is gone again. strace slows it about tenfold.
const DEADLINE: Duration = Duration::from_secs(60);

/// Longest time for one answer: a worker's first request may load hundreds of files under strace.
const ANSWER: Duration = Duration::from_secs(30);

/// strace, where Debian installs it.
pub const STRACE: &str = "/usr/bin/strace";

/// How a daemon is started, asked and ended.
#[derive(Debug, Clone)]
pub struct Start {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it will listen.
    pub address: SocketAddr,
    /// Variables for it alone.
    pub variables: Vec<(&'static str, String)>,
    /// Where it writes its pid when it goes into the background.
    pub pid_file: Option<PathBuf>,
    /// The shim, where the daemon's user can read it.
    pub shim: PathBuf,
    /// The signal that ends it in order.
    pub end: Signal,
}

impl Start {
    /// A daemon that stays in the foreground and ends at SIGTERM.
    ///
    /// # Panics
    /// When the shim is not built.
    #[must_use]
    pub fn new(command: &[&str], address: SocketAddr) -> Self {
        Self {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            address,
            variables: Vec::new(),
            pid_file: None,
            shim: artifacts::shim(),
            end: Signal::SIGTERM,
        }
    }
}

/// A daemon that serves, with strace above it.
#[derive(Debug)]
pub struct Daemon {
    /// None when it was stopped.
    strace: Option<Running>,
    log: PathBuf,
    start: Start,
}

/// What strace saw of a daemon, from its start to its end.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Files of code that each forked process loaded.
    pub loads: Truth,
    /// Names that each forked process looked for in vain.
    pub unfound: Unfound,
    /// Who forked each process.
    pub forkers: BTreeMap<u32, u32>,
    /// The main process: the one that strace started, or the one in the background.
    pub main: u32,
}

/// Ports of each test's process, and how many processes have ports of their own. They end below those that
/// the kernel gives to clients: of such a port a client may be given hold before the daemon has it.
const PORTS_EACH: u16 = 10;
const PROCESSES: u32 = 2_000;
const FIRST_PORT: u16 = 12_000;

/// Addresses that this process has asked for so far.
static ASKED: AtomicU16 = AtomicU16::new(0);

/// A TCP address on this machine that nobody uses now.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_address() -> SocketAddr {
    let mine = u16::try_from(std::process::id() % PROCESSES).expect("a remainder") * PORTS_EACH;
    let free = (0..PORTS_EACH).find_map(|_| {
        let port = FIRST_PORT + mine + ASKED.fetch_add(1, Ordering::Relaxed) % PORTS_EACH;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?.local_addr().ok()
    });
    free.expect("a free port")
}

impl Daemon {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(scene: &Scene, start: Start) -> Self {
        let log = scene.path("daemon.strace");
        let collector = scene.address().to_string();
        let mut variables =
            vec![("LD_PRELOAD", start.shim.as_os_str()), ("ALIVE_ADDR", OsStr::new(&collector))];
        variables.extend(start.variables.iter().map(|(name, value)| (*name, OsStr::new(value))));
        let mut command = scene.command(Path::new(STRACE));
        command.args(strace::arguments(&log, &variables)).args(&start.command);
        let strace = Some(Running::start(scene, &mut command));
        let mut daemon = Self { strace, log, start };
        daemon.await_answer();
        daemon
    }

    fn await_answer(&mut self) {
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(self.start.address).is_err() || self.main().is_none() {
            let ended = self.strace.as_mut().is_none_or(Running::has_ended);
            assert!(!ended, "the daemon ended: {}", self.told());
            assert!(Instant::now() < until, "the daemon does not listen: {}", self.told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.start.address
    }

    /// Its main process, when it is known already.
    #[must_use]
    pub fn main(&self) -> Option<u32> {
        match &self.start.pid_file {
            Some(file) => std::fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok(),
            None => strace::first_pid(&std::fs::read_to_string(&self.log).ok()?),
        }
    }

    /// Sends its main process a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        let main = self.main().expect("the daemon's pid");
        kill(Pid::from_raw(main.cast_signed()), signal).expect("the daemon runs");
    }

    /// Asks for every path at the same time, so that more than one worker has to answer.
    ///
    /// # Panics
    /// When an answer is not `200 OK`.
    pub fn ask_all(&self, paths: &[&str]) {
        std::thread::scope(|scope| {
            for path in paths {
                scope.spawn(|| self.ask(path));
            }
        });
    }

    fn ask(&self, path: &str) {
        let answer = get(self.start.address, path).unwrap_or_else(|error| format!("no answer: {error}"));
        let status = answer.lines().next().unwrap_or_default();
        assert!(status.contains(" 200"), "{path}: {answer}\nthe daemon: {}", self.told());
    }

    /// What it said so far, for a failing test.
    #[must_use]
    pub fn told(&self) -> String {
        self.strace.as_ref().map(Running::told).unwrap_or_default()
    }

    /// Ends the daemon and returns what strace saw.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(mut self) -> Seen {
        let main = self.main().expect("the daemon's pid");
        self.signal(self.start.end);
        let strace = self.strace.take().expect("it was not stopped before");
        let _ = strace.end();
        let log = std::fs::read_to_string(&self.log).expect("strace writes ASCII");
        let calls = strace::calls(&log);
        Seen {
            loads: oracle::late_loads(&calls),
            unfound: unfound::names(&calls),
            forkers: oracle::forkers(&calls),
            main,
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test failed. What went into the background is in no group of ours.
        if self.strace.is_some()
            && let Some(main) = self.main()
        {
            let _ = kill(Pid::from_raw(main.cast_signed()), self.start.end);
        }
    }
}

/// One HTTP request; the whole answer.
///
/// # Errors
/// When the connection fails, or the answer takes too long.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
