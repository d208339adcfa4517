//! The C programs that do the measured work: compiled here, kept waiting, asked for one block at a time.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::error::Error;
use crate::processors;

/// A file of `programs/`, kept in this binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    name: &'static str,
    text: &'static str,
}

const HEADER: Source = Source { name: "driver.h", text: include_str!("../programs/driver.h") };
pub(crate) const OPEN_LOOP: Source =
    Source { name: "open_loop.c", text: include_str!("../programs/open_loop.c") };
pub(crate) const CALLS: Source = Source { name: "calls.c", text: include_str!("../programs/calls.c") };
pub(crate) const FRAMES_PERL: Source =
    Source { name: "frames.pl", text: include_str!("../programs/frames.pl") };
pub(crate) const FRAMES_PYTHON: Source =
    Source { name: "frames.py", text: include_str!("../programs/frames.py") };
pub(crate) const SPAWN: Source = Source { name: "spawn.c", text: include_str!("../programs/spawn.c") };
pub(crate) const FORKS: Source = Source { name: "forks.c", text: include_str!("../programs/forks.c") };
pub(crate) const OUTCOME: Source = Source { name: "outcome.c", text: include_str!("../programs/outcome.c") };
pub(crate) const EMPTY: Source = Source { name: "empty.c", text: include_str!("../programs/empty.c") };

/// A client of the taps, and the driver that hits one.
pub(crate) const TAP_CALLS: Source =
    Source { name: "tap_calls.c", text: include_str!("../programs/tap_calls.c") };
pub(crate) const TAP_C: Source =
    Source { name: "alive_tap.h", text: include_str!("../../clients/c/alive_tap.h") };
pub(crate) const TAP_PERL: [Source; 2] = [
    Source { name: "Alive.pm", text: include_str!("../../clients/perl/Alive.pm") },
    Source { name: "taps.pl", text: include_str!("../programs/taps/taps.pl") },
];
pub(crate) const TAP_PYTHON: [Source; 2] = [
    Source { name: "alive_tap.py", text: include_str!("../../clients/python/alive_tap.py") },
    Source { name: "taps.py", text: include_str!("../programs/taps/taps.py") },
];
pub(crate) const TAP_RUBY: [Source; 2] = [
    Source { name: "alive_tap.rb", text: include_str!("../../clients/ruby/alive_tap.rb") },
    Source { name: "taps.rb", text: include_str!("../programs/taps/taps.rb") },
];
pub(crate) const TAP_PHP: [Source; 2] = [
    Source { name: "alive_tap.php", text: include_str!("../../clients/php/alive_tap.php") },
    Source { name: "taps.php", text: include_str!("../programs/taps/taps.php") },
];
pub(crate) const TAP_NODE: [Source; 2] = [
    Source { name: "alive_tap.js", text: include_str!("../../clients/node/alive_tap.js") },
    Source { name: "taps.js", text: include_str!("../programs/taps/taps.js") },
];
pub(crate) const TAP_SHELL: [Source; 2] = [
    Source { name: "alive_tap.sh", text: include_str!("../../clients/shell/alive_tap.sh") },
    Source { name: "taps.sh", text: include_str!("../programs/taps/taps.sh") },
];

impl Source {
    /// Compiles into `dir` and returns the program.
    pub(crate) fn program(self, dir: &Path) -> Result<PathBuf, Error> {
        self.compile(dir, Path::new(self.name).with_extension(""), &[])
    }

    /// Writes a script into `dir` and returns it.
    pub(crate) fn copy(self, dir: &Path) -> Result<PathBuf, Error> {
        let script = dir.join(self.name);
        fs::write(&script, self.text).map_err(Error::io("writing a driver"))?;
        Ok(script)
    }

    /// Compiles into `dir` and returns the shared library.
    pub(crate) fn library(self, dir: &Path) -> Result<PathBuf, Error> {
        let name = Path::new("lib").with_file_name(format!("lib{}", self.name)).with_extension("so");
        self.compile(dir, name, &["-shared", "-fPIC"])
    }

    fn compile(self, dir: &Path, name: PathBuf, flags: &[&str]) -> Result<PathBuf, Error> {
        for source in [HEADER, self] {
            source.copy(dir)?;
        }
        let out = dir.join(name);
        let refused = |said: String| Error::Compile { program: self.name.into(), said };
        let gcc = Command::new("gcc")
            .args(["-O2", "-Wall", "-Werror", "-fomit-frame-pointer"])
            .args(flags)
            .arg("-o")
            .args([&out, &dir.join(self.name)])
            .output()
            .map_err(|error| refused(error.to_string()))?;
        if gcc.status.success() {
            Ok(out)
        } else {
            Err(refused(String::from_utf8_lossy(&gcc.stderr).into_owned()))
        }
    }
}

/// What a driver runs under: a preload library, a tracer, both or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// For `LD_PRELOAD`.
    pub(crate) preload: Option<PathBuf>,
    /// For `ALIVE_ADDR`.
    pub(crate) address: Option<SocketAddr>,
    /// Further variables of the environment.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    /// A command to put in front, as `strace -f`.
    pub(crate) under: Vec<String>,
    /// Not on one processor alone: for what has several threads when it is used.
    pub(crate) has_all_processors: bool,
}

impl Surroundings {
    /// The command line of `program` here.
    pub(crate) fn command(&self, program: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut words = self.under.iter().map(OsStr::new).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or(program.as_os_str()));
        command.args(words).args(arguments).env_remove("LD_PRELOAD").env_remove("ALIVE_OFF");
        command.envs(self.settings.iter().copied());
        if let Some(preload) = &self.preload {
            command.env("LD_PRELOAD", preload);
        }
        if let Some(address) = self.address {
            command.env("ALIVE_ADDR", address.to_string());
        }
        command
    }
}

/// A driver that waits for its next order. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts `program` on the last processor that is allowed, where all drivers take their turns but those that are to
    /// have all.
    pub(crate) fn start(
        surroundings: &Surroundings,
        program: &Path,
        arguments: &[&OsStr],
    ) -> Result<Self, Error> {
        let name = program.display().to_string();
        let mut command = surroundings.command(program, arguments);
        // A group of its own, so that a tracer and what it traces end together.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let started = if surroundings.has_all_processors {
            command.spawn()
        } else {
            processors::on_one(|| command.spawn())?
        };
        let mut child = started.map_err(|source| Error::Start { program: name.clone(), source })?;
        let orders = child.stdin.take();
        let Some(answers) = child.stdout.take() else {
            return Err(Error::Driver { program: name, said: String::new() });
        };
        Ok(Self { name, child, orders, answers: BufReader::new(answers) })
    }

    /// Orders one block and returns its numbers, in nanoseconds.
    pub(crate) fn block(&mut self) -> Result<Vec<f64>, Error> {
        let mut said = String::new();
        let asked = self.orders.as_mut().map_or(Ok(()), |orders| orders.write_all(b"\n"));
        let answered = asked.and_then(|()| self.answers.read_line(&mut said));
        let numbers: Vec<f64> = said.split_whitespace().map_while(|word| word.parse().ok()).collect();
        if answered.is_err() || numbers.is_empty() {
            return Err(Error::Driver { program: self.name.clone(), said });
        }
        Ok(numbers)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The end of the orders is the driver's end; what does not notice is not left behind.
        drop(self.orders.take());
        if self.answers.read_line(&mut String::new()).is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
