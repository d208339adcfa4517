//! The one place where exit statuses are chosen.

use std::process::ExitCode;

use alive_report::escape;
use alive_report::preload::NoList;
use alive_store::Error as StoreError;

use crate::{gate, shim, supervise, target};

/// How `alive` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Everything went well.
    Well,
    /// `check` found late loads that the baseline lacks.
    Broken,
    /// The words do not say what is wanted, or the baseline that they name cannot be read.
    Usage,
    /// `run` was to fail on late loads, and there were some. Not 1, which is how many a command fails by itself.
    Late,
    /// There is no database, or nothing in it.
    NoData,
    /// Something about this machine or this program makes the work impossible.
    Environment,
    /// The traced command's own status.
    Command(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        // 2 is clap's for usage, too.
        Self::from(match status {
            Status::Well => 0,
            Status::Broken => 1,
            Status::Usage => 2,
            Status::Late => 3,
            Status::NoData => 4,
            Status::Environment => 5,
            Status::Command(status) => status,
        })
    }
}

/// A shell's status for a command that is there but cannot be executed.
const NOT_EXECUTABLE: u8 = 126;

/// A shell's status for a command that is not there.
const NOT_FOUND: u8 = 127;

/// Why `alive` could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Shim(#[from] shim::Error),
    #[error(transparent)]
    Target(#[from] target::Error),
    #[error(transparent)]
    Supervise(#[from] supervise::Error),
    #[error("{}", escape::terminal(.0.to_string().as_bytes()))]
    Store(#[from] StoreError),
    #[error("cannot collect: {}", escape::terminal(.0.to_string().as_bytes()))]
    Start(#[from] alive_collector::StartError),
    #[error("cannot end the collection: {}", escape::terminal(.0.to_string().as_bytes()))]
    Stop(#[from] alive_collector::StopError),
    #[error(
        "cannot make a folder for the database: {0}: set TMPDIR to a writable folder, or name a file with --db"
    )]
    TemporaryFolder(std::io::Error),
    #[error("cannot write the report to {file}: {source}")]
    Output {
        /// Where it was to go, ready to show.
        file: String,
        source: std::io::Error,
    },
    #[error("cannot read {file}: {source}: name one that is there and readable")]
    Unreadable {
        /// What was to be read, ready to show.
        file: String,
        source: std::io::Error,
    },
    #[error(
        "ALIVE_ADDR is {0}, which is no address: set it to one such as 127.0.0.1:25483 or unix:/run/alive/collector.sock, or unset it"
    )]
    Address(String),
    #[error("the name of a tap cannot be empty: give one such as checkout.legacy")]
    EmptyName,
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NoData(String),
    #[error("there is no process {0}: find the daemon's with `pgrep --oldest --full NAME`")]
    NoProcess(u32),
    #[error("process {pid} cannot be read: {reason}")]
    Process { pid: u32, reason: alive_memory::Unread },
    #[error(transparent)]
    Gate(#[from] gate::Error),
    #[error(transparent)]
    NoList(#[from] NoList),
}

impl Failure {
    /// Why nothing at all could be read of the process that was asked for.
    pub(crate) fn of_process(pid: u32, reason: alive_memory::Unread) -> Self {
        match reason {
            alive_memory::Unread::Ended => Self::NoProcess(pid),
            reason => Self::Process { pid, reason },
        }
    }

    /// The exit status that tells a script about it.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Target(target::Error::NotFound { .. }) => Status::Command(NOT_FOUND),
            Self::Target(target::Error::NotExecutable { .. }) => Status::Command(NOT_EXECUTABLE),
            Self::Supervise(supervise::Error::Spawn { source, .. }) => match source.kind() {
                std::io::ErrorKind::NotFound => Status::Command(NOT_FOUND),
                std::io::ErrorKind::PermissionDenied => Status::Command(NOT_EXECUTABLE),
                _ => Status::Environment,
            },
            Self::Gate(gate::Error::Write { .. }) => Status::Environment,
            Self::Gate(_) | Self::Usage(_) => Status::Usage,
            Self::NoData(_) | Self::NoProcess(_) | Self::Store(StoreError::Missing { .. }) => Status::NoData,
            Self::NoList(NoList::Nothing { .. }) => Status::NoData,
            Self::NoList(_) => Status::Usage,
            _ => Status::Environment,
        }
    }
}
