//! `alive run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::{Format, Pictures, Rule};

/// What `alive run` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Keep what was collected in this database instead of a temporary one
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Write every event to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Write the report here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Exit with status 3 when a forked process loaded code
    #[arg(long)]
    pub(crate) fail_on_late: bool,
    /// Exit with status 3 when something was loaded late that this baseline lacks; see alive check
    #[arg(long, value_name = "FILE", conflicts_with = "fail_on_late")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rule: Rule,
    /// Label of the program in the report, instead of its script's or executable's name
    #[arg(long, value_name = "LABEL")]
    pub(crate) name: Option<OsString>,
    /// When the command went into the background, stay until all its processes have ended
    #[arg(long)]
    pub(crate) follow: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// How long nothing must have been received from a command that went into the background.
pub(crate) const QUIET: Duration = Duration::from_secs(2);
