//! `alive diff`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Form;

/// What `alive diff` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The database from before
    #[arg(value_name = "BEFORE")]
    pub(crate) before: PathBuf,
    /// The database from after
    #[arg(value_name = "AFTER")]
    pub(crate) after: PathBuf,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Form,
}
