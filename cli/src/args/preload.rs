//! `alive preload`.

use std::ffi::OsString;
use std::path::PathBuf;

use alive_report::preload::Ecosystem;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Rule;

/// What `alive preload` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Preload {
    /// Who is to read the list
    #[arg(long = "for", value_name = "WHO", value_parser = ecosystems())]
    pub(crate) ecosystem: Ecosystem,
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only what processes of this role loaded, by its name in the report
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Also what few processes load
    #[arg(long)]
    pub(crate) all: bool,
    /// Write the list here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rule: Rule,
}

/// The words for those who read lists.
fn ecosystems() -> impl TypedValueParser<Value = Ecosystem> {
    PossibleValuesParser::new(Ecosystem::ALL.map(Ecosystem::word))
        .try_map(|word| Ecosystem::of_word(&word).ok_or_else(|| format!("{word} is nobody who reads lists")))
}
