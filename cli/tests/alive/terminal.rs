//! A terminal of a test's own, so that nothing stands between the test and what a person would type and see.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, openpty};

use crate::scene::wait;

/// No test waits longer for something to appear.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command on a terminal: the keyboard, and everything that was shown so far.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// A terminal that somebody still holds open does not throw away what was not yet read.
    _line: OwnedFd,
}

impl Terminal {
    /// Runs `alive` with these words on a new terminal, as the first process of a session there.
    pub(crate) fn run(alive: &Command, words: &[&str]) -> Self {
        let OpenptyResult { master, slave } = openpty(None, None).unwrap();
        let stream = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(alive.get_program()).args(words);
        for (name, value) in alive.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        let keyboard = File::from(master);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        // Ends when the last one that holds the terminal lets it go, or when nobody looks any more.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                match reader.read(&mut bytes) {
                    Ok(0) => break,
                    Ok(count) if sender.send(bytes[..count].to_vec()).is_err() => break,
                    Err(error) if error.kind() != ErrorKind::Interrupted => break,
                    Ok(_) | Err(_) => {}
                }
            }
        });
        Self { child, keyboard, screen, shown: String::new(), _line: slave }
    }

    pub(crate) fn type_in(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    /// Waits until `text` was shown.
    pub(crate) fn until_shown(&mut self, text: &str) {
        let began = Instant::now();
        while !self.shown.contains(text) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(bytes) = self.screen.recv_timeout(left) else { panic!("no {text:?} in {:?}", self.shown) };
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Everything that was waited for so far, and what came with it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Waits for the command's end and tells whether it ended well.
    pub(crate) fn ended_well(self) -> bool {
        wait(self.child).status.success()
    }
}
