//! `cargo xtask soak`: a collector that folds and drops without pause, for as long as is asked.

use crate::cargo;
use crate::failure::Failure;

/// Builds what is shipped and the test that it runs in, and lets that go on for some minutes. It prints its figures
/// and fails where memory or database grow, or an event is not accounted for.
pub(crate) fn run(minutes: u64) -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["build", "--release", "--package", "postfork"]))?;
    let mut soak =
        cargo::cargo(&["test", "--release", "--package", "alive-collector", "--test", "soak", "--"]);
    soak.arg("--nocapture").env("ALIVE_SOAK_MINUTES", minutes.to_string());
    soak.env("ALIVE_SOAK_SHIM", cargo::built("libpostfork.so"));
    cargo::run(&mut soak)
}
