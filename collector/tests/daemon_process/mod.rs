//! The program in a process of its own.
#![allow(dead_code, reason = "every test file uses its part")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_alive-collector");

/// A collector in a process of its own. Killed when dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// What it says on standard error.
    said: mpsc::Receiver<String>,
}

impl Daemon {
    /// Starts it and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (tx, said) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || stderr.lines().map_while(Result::ok).all(|line| tx.send(line).is_ok()));
        let mut heard = Vec::new();
        let address = loop {
            let line = said.recv_timeout(Duration::from_secs(10));
            let line = line.unwrap_or_else(|_| panic!("it never listened; it said {heard:?}"));
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(',').next().unwrap().parse().unwrap();
            }
            heard.push(line);
        };
        Self { child, address, said }
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> ExitStatus {
        kill(self.pid(), signal).unwrap();
        self.child.wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes in the queue of its socket, with the kernel's bookkeeping.
    pub(crate) fn queued(&self) -> u64 {
        let port = format!(":{:04X}", self.address.port());
        let table = fs::read_to_string("/proc/net/udp").unwrap();
        let columns: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|columns| columns.get(1).is_some_and(|local| local.ends_with(&port)))
            .expect("it listens");
        u64::from_str_radix(columns[4].split_once(':').unwrap().1, 16).unwrap()
    }

    /// Waits until nothing waits in its queue, which may be long.
    pub(crate) fn drain(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.queued() > 0 {
            assert!(Instant::now() < deadline, "it does not read: {} bytes wait", self.queued());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it has said since it was heard last; after its end, all that is left.
    pub(crate) fn said(&mut self) -> Vec<String> {
        let ended = self.child.try_wait().unwrap().is_some();
        if ended { self.said.iter().collect() } else { self.said.try_iter().collect() }
    }

    /// How many lines it has said since it was heard last.
    pub(crate) fn lines_said(&self) -> usize {
        self.said.try_iter().count()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Waits until it says something that holds `words`.
    pub(crate) fn hear(&self, words: &str) {
        self.hear_behind(words);
    }

    /// The same; what it says behind the words in that line.
    pub(crate) fn hear_behind(&self, words: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut heard = Vec::new();
        while let Ok(line) = self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some((_, behind)) = line.split_once(words) {
                return behind.to_owned();
            }
            heard.push(line);
        }
        panic!("it never said {words:?}, but {heard:?}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A collector on a free port with the database `db`.
pub(crate) fn command(db: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--db"]).arg(db);
    command
}
