//! The golden files of this folder, one for each kind of event and some for records that came later.

pub(crate) const START: &str = include_str!("start.hex");
pub(crate) const LOAD: &str = include_str!("load.hex");
pub(crate) const MISSING: &str = include_str!("missing.hex");
pub(crate) const PING: &str = include_str!("ping.hex");
pub(crate) const FORK: &str = include_str!("fork.hex");
pub(crate) const BYSTANDERS: &str = include_str!("bystanders.hex");
pub(crate) const END: &str = include_str!("end.hex");

/// All of them.
pub(crate) const ALL: [&str; 7] = [START, LOAD, MISSING, PING, FORK, BYSTANDERS, END];

/// The bytes of a golden file: hex pairs, with comments from `#` to the end of the line.
pub(crate) fn bytes(file: &str) -> Vec<u8> {
    file.lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
        .map(|pair| u8::from_str_radix(pair, 16).expect("a hex pair"))
        .collect()
}
