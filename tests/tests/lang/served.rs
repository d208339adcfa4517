//! A daemon that answers, under the shim alone: what is looked at is who asked, not whether all was seen.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use alive_tests::running::Running;
use alive_tests::scene::Scene;
use nix::sys::signal::Signal;

/// Longest time until it answers.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running daemon.
pub(crate) struct Served {
    running: Running,
    address: SocketAddr,
}

impl Served {
    /// Starts it and waits until it listens.
    #[track_caller]
    pub(crate) fn start(scene: &Scene, command: &mut Command, address: SocketAddr) -> Self {
        let mut running = Running::start(scene, command);
        let until = Instant::now() + DEADLINE;
        while TcpStream::connect(address).is_err() {
            assert!(!running.has_ended(), "the daemon ended: {}", running.told());
            assert!(Instant::now() < until, "the daemon does not listen: {}", running.told());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { running, address }
    }

    /// Asks for every path at the same time, so many times each. Every answer is a success.
    #[track_caller]
    pub(crate) fn ask_all(&self, paths: &[&str], times: usize) {
        std::thread::scope(|scope| {
            for path in paths.iter().flat_map(|path| std::iter::repeat_n(path, times)) {
                scope.spawn(|| self.ask(path));
            }
        });
    }

    fn ask(&self, path: &str) {
        let mut answer = String::new();
        let mut stream = TcpStream::connect(self.address).expect("the daemon listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket takes a time");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("the daemon reads");
        stream.read_to_string(&mut answer).expect("an answer in text");
        let status = answer.lines().next().unwrap_or_default();
        assert!(status.contains(" 200 "), "{path}: {status}; {}", self.running.told());
    }

    /// Ends it in order and waits for it.
    #[track_caller]
    pub(crate) fn stop(self, signal: Signal) {
        self.running.signal(signal);
        let _ = self.running.end();
    }
}
