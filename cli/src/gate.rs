//! The file of a baseline, and what to say of a report that is held against it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use alive_report::baseline::Baseline;
use alive_report::baseline::compare::{Comparison, compare};
use alive_report::baseline::text;
use alive_report::render::difference;
use alive_report::{Report, escape};

use crate::output::say;

/// Why a baseline is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no baseline at {file}: make it with alive check --write --baseline {file}")]
    Missing { file: String },
    #[error("cannot read the baseline {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("cannot read the baseline {file}: {source}")]
    Parse { file: String, source: text::Error },
    #[error("cannot write the baseline {file}: {source}")]
    Write { file: String, source: io::Error },
}

/// A baseline and where it is kept.
pub(crate) struct Gate {
    path: PathBuf,
    baseline: Baseline,
}

impl Gate {
    /// Reads a baseline that must be there.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        match fs::read(path) {
            Ok(file) => Self::parse(path, &file),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(Error::Missing { file: shown(path) })
            }
            Err(source) => Err(Error::Read { file: shown(path), source }),
        }
    }

    /// Reads a baseline, an empty one when it is not there yet.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn open_or_new(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Err(Error::Missing { .. }) => Ok(Self { path: path.to_owned(), baseline: Baseline::default() }),
            opened => opened,
        }
    }

    fn parse(path: &Path, file: &[u8]) -> Result<Self, Error> {
        let baseline = Baseline::parse(file).map_err(|source| Error::Parse { file: shown(path), source })?;
        Ok(Self { path: path.to_owned(), baseline })
    }

    /// Holds a report against it, writes the difference to `out` and tells whether the report passes.
    pub(crate) fn passes(&self, report: &Report, missing: bool, out: &mut dyn io::Write) -> bool {
        let comparison = compare(report, &self.baseline, missing);
        // Nobody is left to tell when the stream is closed; the status tells.
        let _ = difference::render(&comparison, out).and_then(|()| out.flush());
        if report.is_floor() {
            say("events were lost, so late loads may have been missed: alive report says how many");
        }
        let passes = comparison.new.is_empty();
        if !passes {
            let file = shown(&self.path);
            say(&format!(
                "late loads that {file} does not accept: load them before the fork, or accept them with \
                 alive check --write --baseline {file}"
            ));
        }
        passes
    }

    /// Brings the file up to date with a report, and says what changed.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn update(&self, report: &Report, missing: bool) -> Result<(), Error> {
        let Comparison { gone, updated, .. } = compare(report, &self.baseline, missing);
        let gone = gone.len();
        // As it is read again: each line once.
        let entries = |text: &str| Baseline::parse(text.as_bytes()).map_or(0, |it| it.entries.len());
        let text = updated.to_string();
        let before = self.baseline.entries.len();
        let now = entries(&text);
        let error = |source| Error::Write { file: shown(&self.path), source };
        // A file that would not change keeps its time.
        if fs::read(&self.path).ok().as_deref() != Some(text.as_bytes()) {
            fs::write(&self.path, &text).map_err(error)?;
        }
        let added = (now + gone).saturating_sub(before);
        let said = format!("{}: {now} accepted, {added} of them new, {gone} taken out", shown(&self.path));
        let _ = writeln!(io::stdout(), "{said}");
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    escape::terminal(path.as_os_str().as_bytes())
}
