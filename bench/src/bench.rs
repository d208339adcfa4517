//! What every row is given: how much to measure, and the libraries and drivers to measure with.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::driver::{Driver, EMPTY, OUTCOME, Source, Surroundings};
use crate::error::Error;
use crate::measure::Turns;

/// How often things are repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Times that the drivers are started anew: where a program lands in memory moves its time, too.
    pub(crate) rounds: usize,
    /// Turns in each round.
    pub(crate) turns: usize,
}

impl Effort {
    /// Enough to see a ratio of 1.01.
    pub(crate) const FULL: Self = Self { rounds: 8, turns: 60 };
    /// Enough to see that everything works.
    pub(crate) const QUICK: Self = Self { rounds: 1, turns: 5 };

    /// Whether figures are meant, and not only a look whether everything works.
    pub(crate) const fn is_full(self) -> bool {
        self.rounds > 1
    }

    /// As many starts of a daemon, which take long.
    pub(crate) fn daemons(self, full: usize) -> usize {
        if self.rounds > 1 { full } else { 1 }
    }

    /// Runs of a flood, and how long each lasts.
    pub(crate) fn floods(self) -> (usize, Duration) {
        if self.rounds > 1 { (3, Duration::from_secs(10)) } else { (1, Duration::from_millis(300)) }
    }

    /// The same rounds with a part of the turns, for work that takes long.
    pub(crate) fn a_part(self, part: usize) -> Self {
        Self { turns: (self.turns / part).max(3), ..self }
    }
}

/// The surroundings of a run of the bench.
#[derive(Debug)]
pub(crate) struct Bench {
    /// How often things are repeated.
    pub(crate) effort: Effort,
    artifacts: PathBuf,
    scratch: TempDir,
}

impl Bench {
    /// Libraries are looked for in `artifacts`; drivers go into a folder that ends with the bench.
    pub(crate) fn new(effort: Effort, artifacts: PathBuf) -> Result<Self, Error> {
        let scratch = TempDir::with_prefix("alive-bench-").map_err(Error::io("making a scratch folder"))?;
        Ok(Self { effort, artifacts, scratch })
    }

    fn built(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.artifacts.join(name);
        if path.is_file() { Ok(path) } else { Err(Error::NotBuilt(path)) }
    }

    /// The library that is measured.
    pub(crate) fn shim(&self) -> Result<PathBuf, Error> {
        self.built("libpostfork.so")
    }

    /// The baseline: hooks written with redhook that do nothing but `real!`.
    pub(crate) fn interposer(&self) -> Result<PathBuf, Error> {
        self.built("libalive_interposer.so")
    }

    /// The collector.
    pub(crate) fn collector(&self) -> Result<PathBuf, Error> {
        self.built("alive-collector")
    }

    /// The command.
    pub(crate) fn alive(&self) -> Result<PathBuf, Error> {
        self.built("alive")
    }

    /// The baseline of start-up: a library with nothing in it.
    pub(crate) fn empty(&self) -> Result<PathBuf, Error> {
        EMPTY.library(self.scratch.path())
    }

    /// A driver, compiled.
    pub(crate) fn program(&self, source: Source) -> Result<PathBuf, Error> {
        source.program(self.scratch.path())
    }

    /// A file of this name to open; the shim goes by names, so it may be empty.
    pub(crate) fn file(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.scratch.path().join(name);
        std::fs::write(&path, b"").map_err(Error::io("writing a file to open"))?;
        Ok(path)
    }

    /// A folder for what a measured program writes.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Turns of `program` with the same arguments in each of the surroundings. `pick` takes a time
    /// out of a block's answer.
    pub(crate) fn turns(
        &self,
        effort: Effort,
        surroundings: &[Surroundings],
        program: &Path,
        arguments: &[&OsStr],
        mut pick: impl FnMut(usize, &[f64]) -> f64,
    ) -> Result<Turns, Error> {
        let mut turns = Turns::new();
        for _ in 0..effort.rounds {
            let mut drivers = surroundings
                .iter()
                .map(|around| Driver::start(around, program, arguments))
                .collect::<Result<Vec<_>, _>>()?;
            // The first block of a fresh process pays for its page faults and lazy binding.
            for driver in &mut drivers {
                driver.block()?;
            }
            turns.take(drivers.len(), effort.turns, |variant| {
                drivers[variant].block().map(|numbers| pick(variant, &numbers))
            })?;
        }
        Ok(turns)
    }

    /// Turns of a command that ends: how long each took, in milliseconds, and the most memory that it held, in MiB.
    pub(crate) fn time_and_memory(
        &self,
        effort: Effort,
        surroundings: Surroundings,
        command: &[&OsStr],
    ) -> Result<(Turns, Turns), Error> {
        let program = self.program(OUTCOME)?;
        let mut held = Turns::new();
        let times = self.turns(effort, &[surroundings], &program, command, |_, numbers| {
            held.push(vec![numbers[1] / 1_024.0]);
            numbers[0] / 1e6
        })?;
        Ok((times, held))
    }
}
