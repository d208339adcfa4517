//! `cargo xtask test`: every test, against the build that is shipped.

use crate::failure::Failure;
use crate::{cargo, packages};

/// Installs, builds, and runs the tests. The runner's own summary is the last thing printed.
///
/// Hooks are tested in release mode: inlining and layout differ there, and that is what people load.
pub(crate) fn run(runner: &[String]) -> Result<(), Failure> {
    packages::provide()?;
    cargo::run(&mut cargo::cargo(&["build", "--release", "--workspace"]))?;

    // nextest does not run examples in documentation; a filter for tests does not mean them either.
    let documentation = if runner.is_empty() {
        cargo::run(&mut cargo::cargo(&["test", "--workspace", "--doc", "--quiet"]))
    } else {
        Ok(())
    };

    let nextest = cargo::has("nextest");
    let mut tests = if nextest {
        cargo::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        eprintln!(
            "xtask: cargo-nextest is not installed, so cargo test runs them: a hung test is not ended then"
        );
        cargo::cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
    };
    if cargo::is_ci() {
        tests.env("ALIVE_TEST_ALL", "1");
    }
    if nextest {
        tests.args(runner);
    } else {
        tests.arg("--").args(runner);
    }
    let tests = cargo::run(&mut tests);
    documentation.and(tests)
}
