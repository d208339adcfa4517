//! Runs cargo and other programs in the workspace's root, and says what it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Context, Failure};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo puts its output. Cargo resolves a relative `CARGO_TARGET_DIR` against the caller's folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A file of the release build.
pub(crate) fn built(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// The same cargo that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs a command with this terminal, after printing it.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let words = words(command);
    eprintln!("xtask: {words}");
    let status = command.status().context(words.as_str())?;
    if status.success() { Ok(()) } else { Err(Failure::Status { command: words, status }) }
}

/// Runs a command and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let words = words(command);
    let done = command.stderr(Stdio::inherit()).output().context(words.as_str())?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(Failure::Status { command: words, status: done.status })
    }
}

/// True when `cargo NAME` is installed.
pub(crate) fn has(name: &str) -> bool {
    cargo(&[name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// True on the machines of a build service, where nothing may be skipped.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// A command as one would type it, with cargo's own path left out.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
