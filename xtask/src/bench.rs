//! `cargo xtask bench`: the measurements, against the build that is shipped.

use crate::cargo;
use crate::failure::Failure;

/// Builds everything in release mode and runs the measurements.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    cargo::run(&mut cargo::cargo(&["build", "--release", "--workspace"]))?;
    cargo::run(cargo::cargo(&["run", "--release", "--package", "alive-bench", "--"]).args(args))
}
