//! What a tap costs in each language: switched off, with a collector and without one; again at a place that was
//! told, and told every time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::open_loop::line;
use crate::bench::Bench;
use crate::driver::{self, Source, Surroundings};
use crate::error::Error;
use crate::listener::{self, Listener};
use crate::table::{Bar, Line};

/// Hits in a block, at a place that was told and told each time.
const BLOCKS: [(&str, u32); 2] = [("once", 20_000), ("each", 500)];

/// A shell forks for what it sends.
const SHELL_BLOCKS: [(&str, u32); 2] = [("once", 100), ("each", 10)];

/// A tap of the crate, told already: at most two microseconds.
const RUST_BAR: Bar = Bar::MedianAtMost(2_000.0);

/// How a language runs its driver.
struct Language {
    name: &'static str,
    /// Empty where the driver is a program of its own.
    interpreter: &'static str,
    client: Option<Source>,
    driver: Option<Source>,
}

const LANGUAGES: [Language; 8] = [
    Language { name: "Rust", interpreter: "", client: None, driver: None },
    Language { name: "C", interpreter: "", client: Some(driver::TAP_C), driver: Some(driver::TAP_CALLS) },
    Language {
        name: "Perl",
        interpreter: "/usr/bin/perl",
        client: Some(driver::TAP_PERL[0]),
        driver: Some(driver::TAP_PERL[1]),
    },
    Language {
        name: "Python",
        interpreter: "/usr/bin/python3",
        client: Some(driver::TAP_PYTHON[0]),
        driver: Some(driver::TAP_PYTHON[1]),
    },
    Language {
        name: "Ruby",
        interpreter: "/usr/bin/ruby",
        client: Some(driver::TAP_RUBY[0]),
        driver: Some(driver::TAP_RUBY[1]),
    },
    Language {
        name: "PHP",
        interpreter: "/usr/bin/php",
        client: Some(driver::TAP_PHP[0]),
        driver: Some(driver::TAP_PHP[1]),
    },
    Language {
        name: "Node",
        interpreter: "/usr/bin/node",
        client: Some(driver::TAP_NODE[0]),
        driver: Some(driver::TAP_NODE[1]),
    },
    Language {
        name: "bash",
        interpreter: "/bin/bash",
        client: Some(driver::TAP_SHELL[0]),
        driver: Some(driver::TAP_SHELL[1]),
    },
];

/// What the three lines of a block have in front of them, and after what they are called.
const WHERE: [&str; 3] = ["off", "nobody listens", "a collector listens"];

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for language in &LANGUAGES {
        if !language.interpreter.is_empty() && !Path::new(language.interpreter).is_file() {
            return Err(Error::Unavailable(format!("{} is not there: install it", language.interpreter)));
        }
        let (program, script) = language.program(bench)?;
        let listener = Listener::start()?;
        let at = |address| Surroundings { address: Some(address), ..Surroundings::default() };
        let off = Surroundings { settings: vec![("ALIVE_OFF", "1")], ..Surroundings::default() };
        let surroundings = [off, at(listener::nobody()?), at(listener.address())];
        let blocks = if language.name == "bash" { SHELL_BLOCKS } else { BLOCKS };
        for (mode, count) in blocks {
            let count = count.to_string();
            let mut arguments: Vec<&OsStr> = script.iter().map(|script| script.as_os_str()).collect();
            arguments.extend([OsStr::new(mode), OsStr::new(&count)]);
            let turns =
                bench.turns(bench.effort.a_part(6), &surroundings, &program, &arguments, |_, times| {
                    times[0]
                })?;
            for (variant, place) in WHERE.iter().enumerate() {
                let told = if mode == "once" { "told already" } else { "told each time" };
                let what = format!("{}: a tap that is {told}, {place}", language.name);
                let bar = (language.name == "Rust" && mode == "once").then_some(RUST_BAR);
                lines.push(line("taps", &what, &turns, variant, 0, bar));
            }
        }
        if listener.received() == 0 {
            return Err(Error::Unavailable(format!("{} sent nothing: is its client whole?", language.name)));
        }
    }
    Ok(lines)
}

impl Language {
    /// What to start, and the script that it is given.
    fn program(&self, bench: &Bench) -> Result<(PathBuf, Option<PathBuf>), Error> {
        if let Some(client) = self.client {
            client.copy(bench.scratch())?;
        }
        match self.driver {
            None => {
                let myself = std::env::current_exe().map_err(Error::io("looking for the driver"))?;
                Ok((myself.with_file_name("tap_driver"), None))
            }
            Some(driver) if self.interpreter.is_empty() => Ok((driver.program(bench.scratch())?, None)),
            Some(driver) => Ok((PathBuf::from(self.interpreter), Some(driver.copy(bench.scratch())?))),
        }
    }
}
