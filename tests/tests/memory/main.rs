//! What running processes hold:
//!
//! * [`proc`]: by /proc, with `alive mem` and `alive inspect`, of a program of the tests;
//! * [`daemons`]: the same of real daemons, and `alive diff` before a change and after it;
//! * [`looks`]: by the collector, of the processes that report.

mod daemons;
mod looks;
mod proc;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use alive_tests::artifacts;
use alive_tests::running::{Outcome, Running};
use alive_tests::scene::Scene;
use serde_json::Value;

/// Longest wait for a look at a process: it comes two seconds after the process fell silent.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// What each child of `holds` writes to.
pub(crate) const KIB: u64 = 12_000;

/// Small things that a process writes to beside that.
pub(crate) const BESIDE: u64 = 3_000;

pub(crate) fn alive(scene: &Scene, args: &[&str]) -> Command {
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(args);
    command
}

pub(crate) fn json(outcome: Outcome) -> Value {
    let said = outcome.well().said();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"))
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// A library that nothing else loads.
pub(crate) fn library(scene: &Scene) -> PathBuf {
    let path = scene.path("liblate.so.1");
    artifacts::library("plain", &path, &[] as &[&str]);
    path
}

/// Words for `holds`: three children, two of which load the library.
pub(crate) fn words(library: &Path) -> [String; 4] {
    ["3".into(), KIB.to_string(), "2".into(), library.display().to_string()]
}

/// `holds`, started by `command`, with all its children ready; the parent's pid and theirs.
pub(crate) fn ready(scene: &Scene, command: &mut Command) -> (Running, u32, Vec<u32>) {
    let mut running = Running::start(scene, command);
    let _ = running.await_line("ready");
    let said = running.told();
    let children: Vec<u32> =
        said.lines().filter_map(|line| line.split_once("child ")?.1.trim().parse().ok()).collect();
    assert_eq!(children.len(), 3, "{said}");
    let parent = parent_of(children[0]);
    (running, parent, children)
}

pub(crate) fn parent_of(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the child lives");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("every process has one");
    parent.trim().parse().expect("a pid")
}
