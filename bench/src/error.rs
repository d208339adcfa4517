//! What can stop a measurement, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a row could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The C compiler is missing or refused a driver.
    #[error(
        "cannot compile {program}: {said}\n  a C compiler named `gcc` is needed (Debian: apt install gcc)"
    )]
    Compile { program: String, said: String },
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },
    /// A driver ended or answered with something that is no measurement.
    #[error(
        "{program} stopped answering (it said {said:?}); run it by hand under the same LD_PRELOAD to see why"
    )]
    Driver { program: String, said: String },
    /// A file or socket of the bench itself.
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
    /// A library to be measured was not built.
    #[error(
        "{0} is not there: `cargo xtask bench` builds it; or name the folder where it is with --artifacts"
    )]
    NotBuilt(PathBuf),
    /// What a row needs is not installed, or does not work here.
    #[error("{0}")]
    Unavailable(String),
}

impl Error {
    /// Says what was being done when the system refused.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }

    /// The same for calls that answer with an errno.
    pub(crate) fn os(doing: impl Into<String>) -> impl FnOnce(nix::Error) -> Self {
        move |errno| Self::Io { doing: doing.into(), source: errno.into() }
    }
}
