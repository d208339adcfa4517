//! `alive mem` and `alive inspect`.

use std::time::Duration;

use super::Form;
use super::moment::seconds;

/// What `alive mem` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Mem {
    /// The process at the top
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: u32,
    /// Look again every so many seconds, 2 by default, until the process has ended
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// Form of the output; with --watch, JSON is one object a line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Form,
}

/// What `alive inspect` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The process at the top
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: u32,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Form,
}
