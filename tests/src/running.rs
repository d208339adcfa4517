//! A program while it runs.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::scene::Scene;

/// Longest time that one program may take. Programs here end in milliseconds; a hung fork does not.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often something is looked at that cannot be waited for.
const LOOK: Duration = Duration::from_millis(3);

/// A program in a process group of its own, which is killed with it when this is dropped.
///
/// Its output goes to files: a pipe would stay open in whatever it leaves behind.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a program ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// Everything on its standard output.
    pub stdout: Vec<u8>,
    /// Everything on its standard error.
    pub stderr: Vec<u8>,
}

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    #[must_use]
    pub fn start(scene: &Scene, command: &mut Command) -> Self {
        let number = scene.next_number();
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| scene.path(format!("{name}.{number}")));
        let name = command.get_program().display().to_string();
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("a file in the scene"))
            .stderr(File::create(&stderr).expect("a file in the scene"))
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, child, stdout, stderr }
    }

    /// Waits until a whole line of its output begins so; the rest of that line.
    ///
    /// # Panics
    /// When it ends before it says so, or takes too long.
    #[track_caller]
    #[must_use]
    pub fn await_line(&mut self, prefix: &str) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let ended = self.has_ended();
            let said = text(&self.stdout);
            let mut lines = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some(rest) = lines.find_map(|line| line.strip_prefix(prefix)) {
                return rest.to_owned();
            }
            let why = if ended { "ended" } else { "still runs" };
            assert!(
                !ended && Instant::now() < until,
                "{} {why} and never said `{prefix}`: {}",
                self.name,
                self.told()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Sends a signal to the program, not to its group.
    pub fn signal(&self, signal: Signal) {
        // A child that ended meanwhile is a zombie until it is waited for: its pid is still its own.
        let _ = kill(self.pid(), signal);
    }

    /// True when it has ended.
    ///
    /// # Panics
    /// Never: a child can be waited for.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes too long; then its group is killed.
    #[track_caller]
    #[must_use]
    pub fn end(mut self) -> Outcome {
        let until = Instant::now() + DEADLINE;
        while !self.has_ended() {
            assert!(Instant::now() < until, "{} did not end within {DEADLINE:?}: {}", self.name, self.told());
            std::thread::sleep(LOOK);
        }
        let status = self.child.wait().expect("a child can be waited for");
        let read = |path| std::fs::read(path).expect("the program's output");
        Outcome { status, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    /// What it said so far, for a failing test.
    #[must_use]
    pub fn told(&self) -> String {
        format!("stdout: {}\nstderr: {}", text(&self.stdout), text(&self.stderr))
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What it started belongs to it, also when it has ended. Nobody there is no error.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// Passes itself on when the program ended with status 0.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    #[must_use]
    pub fn well(self) -> Self {
        let stderr = String::from_utf8_lossy(&self.stderr);
        assert!(self.status.success(), "{}\nstdout: {}\nstderr: {stderr}", self.status, self.said());
        self
    }

    /// Its standard output as text.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

fn text(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
