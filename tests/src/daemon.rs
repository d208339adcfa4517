//! A real daemon under the shim and under strace in the same run.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::oracle::{self, Truth};
use crate::running::Running;
use crate::scene::Scene;
use crate::{artifacts, strace};

/// Longest time until a daemon answers, and until it is gone again. strace slows it about tenfold.
const DEADLINE: Duration = Duration::from_secs(60);

/// Longest time for one answer: a worker's first request may load hundreds of files under strace.
const ANSWER: Duration = Duration::from_secs(30);

/// strace, where Debian installs it.
pub const STRACE: &str = "/usr/bin/strace";

/// A daemon that serves HTTP, with strace above it.
#[derive(Debug)]
pub struct Daemon {
    strace: Running,
    log: PathBuf,
    address: SocketAddr,
}

/// A TCP address on this machine that nobody uses now.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address")
}

impl Daemon {
    /// Starts `program` with `args`, which make it listen at `address`, and waits until it does.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(scene: &Scene, program: &Path, args: &[&str], address: SocketAddr) -> Self {
        let log = scene.path("daemon.strace");
        let mut command = scene.command(Path::new(STRACE));
        command
            .args(strace::arguments(
                &log,
                &[
                    ("LD_PRELOAD", artifacts::shim().as_os_str()),
                    ("ALIVE_ADDR", OsStr::new(&scene.address().to_string())),
                ],
            ))
            .arg(program)
            .args(args);
        let mut daemon = Self { strace: Running::start(scene, &mut command), log, address };
        daemon.await_answer();
        daemon
    }

    fn await_answer(&mut self) {
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(self.address).is_err() {
            assert!(!self.strace.has_ended(), "the daemon ended: {}", self.strace.told());
            assert!(Instant::now() < until, "the daemon does not listen: {}", self.strace.told());
            std::thread::sleep(Duration::from_millis(50));
        }
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
        let answer = get(self.address, path).unwrap_or_else(|error| format!("no answer: {error}"));
        let status = answer.lines().next().unwrap_or_default();
        assert!(status.contains(" 200"), "{path}: {answer}\nthe daemon: {}", self.strace.told());
    }

    /// Ends the daemon with SIGTERM and returns what strace saw.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(self) -> Truth {
        let pid = strace::first_pid(&read(&self.log)).expect("the daemon's pid");
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).expect("the daemon runs");
        let Self { strace, log, .. } = self;
        let _ = strace.end();
        oracle::late_loads(&strace::calls(&read(&log)))
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).expect("strace writes ASCII")
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
