//! What `alive ping` and `alive taps` were asked.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use jiff::Timestamp;

use super::Form;
use super::moment::since;

/// What `alive ping` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Ping {
    /// Name of the tap
    #[arg(value_name = "NAME")]
    pub(crate) name: OsString,
    /// What else to tell: file, line, function, caller, pid, service, host, time, or a key of your own
    #[arg(value_name = "KEY=VALUE", value_parser = OsStringValueParser::new().try_map(pair))]
    pub(crate) pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What `alive taps` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Taps {
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// List also which of these names were never hit: one a line, # begins a comment
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// List also which of the taps in this source tree were never hit
    #[arg(long, value_name = "DIR")]
    pub(crate) scan: Option<PathBuf>,
    /// Only hits since: a time back from now (10m, 2h, 1d) or a date (2026-01-31, 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Form,
}

/// `key=value`, in bytes.
fn pair(text: OsString) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let text = text.into_vec();
    match text.iter().position(|&byte| byte == b'=') {
        Some(at) if at > 0 => Ok((text[..at].to_vec(), text[at + 1..].to_vec())),
        _ => Err("give a key, an equals sign and a value, such as order=17"),
    }
}
