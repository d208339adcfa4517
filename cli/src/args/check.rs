//! `alive check`.

use std::ffi::OsString;
use std::path::PathBuf;

use jiff::Timestamp;

use super::Share;
use super::moment::since;

/// What `alive check` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The list of accepted late loads
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: PathBuf,
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only loads seen since: a time back from now (10m, 2h, 1d) or a date (2026-01-31, 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Also judge names that are searched for and never found
    #[arg(long)]
    pub(crate) missing: bool,
    /// Accept everything that is loaded late now, and take out what no longer is
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) share: Share,
}
