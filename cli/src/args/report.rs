//! `alive report`.

use std::ffi::OsString;
use std::path::PathBuf;

use jiff::Timestamp;

use super::moment::since;
use super::{Format, Pictures, Rule};

/// What `alive report` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only loads seen since: a time back from now (10m, 2h, 1d) or a date (2026-01-31, 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Write the report here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Go on, and write the report anew every so many seconds; on a terminal in the same place
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) watch: Option<u64>,
    #[command(flatten)]
    pub(crate) rule: Rule,
}
