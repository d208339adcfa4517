//! Why a command of xtask ended badly, and what to do next.

use std::fmt;
use std::io;
use std::process::ExitStatus;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A program could not be started or talked to.
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ended with another status than 0.
    Status {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// Everything ran, and the outcome is not what it must be. Each line is one finding.
    Findings(Vec<String>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Status { command, status } => write!(f, "{command}: {status}; its output is above"),
            Self::Findings(findings) => f.write_str(&findings.join("\nxtask: ")),
        }
    }
}

/// Adds what was tried to an [`io::Error`].
pub(crate) trait Context<T> {
    /// `what` is a phrase that the error's own words follow.
    fn context(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|source| Failure::Io { what: what.into(), source })
    }
}
