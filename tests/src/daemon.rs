//! A real daemon under the shim and under strace in the same run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::oracle::{self, Truth};
use crate::scene::{self, Scene};
use crate::{artifacts, strace};

/// Longest time until a daemon answers, and until it is gone again. strace slows it about tenfold.
const DEADLINE: Duration = Duration::from_secs(60);

/// Longest time for one answer: a worker's first request may load hundreds of files under strace.
const ANSWER: Duration = Duration::from_secs(30);

/// strace, where Debian installs it.
pub const STRACE: &str = "/usr/bin/strace";

/// A daemon that serves HTTP, with strace above it. Killed with its whole group when dropped.
#[derive(Debug)]
pub struct Daemon {
    strace: Child,
    log: PathBuf,
    output: PathBuf,
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
        let (log, output) = (scene.path("daemon.strace"), scene.path("daemon.log"));
        let out = File::create(&output).expect("a file in the scene");
        let mut command: Command = scene.command(Path::new(STRACE));
        command
            .args(strace::arguments(
                &log,
                &[
                    ("LD_PRELOAD", artifacts::shim().as_os_str()),
                    ("ALIVE_ADDR", OsStr::new(&scene.address().to_string())),
                ],
            ))
            .arg(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second descriptor"))
            .stderr(out)
            .process_group(0);
        let strace = command.spawn().expect("strace is installed");
        let mut daemon = Self { strace, log, output, address };
        daemon.await_answer();
        daemon
    }

    fn await_answer(&mut self) {
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.strace.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the daemon ended: {}", self.said());
            assert!(Instant::now() < until, "the daemon does not listen: {}", self.said());
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
        assert!(status.contains(" 200"), "{path}: {answer}\nthe daemon: {}", self.said());
    }

    /// Ends the daemon with SIGTERM and returns what strace saw.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(mut self) -> Truth {
        let log = std::fs::read_to_string(&self.log).expect("strace writes ASCII");
        let pid = strace::first_pid(&log).expect("the daemon's pid");
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).expect("the daemon runs");
        assert!(
            scene::wait(&mut self.strace, DEADLINE).is_some(),
            "the daemon does not end: {}",
            self.said()
        );
        let log = std::fs::read_to_string(&self.log).expect("strace writes ASCII");
        oracle::late_loads(&strace::calls(&log))
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.strace.try_wait().is_ok_and(|ended| ended.is_none()) {
            scene::kill_group(&mut self.strace);
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
