//! `cargo xtask witness`: other people's test suites, each with and without the shim.
//!
//! Our own tests know what to look for; these do not. Their results must be the same, test by
//! test, whether `libpostfork.so` is loaded or not.
//!
//! `archive` fetches the suites from Debian and unpacks them without installing anything. `cpython`,
//! `perl`, `postgres` and `ruby` say how each one is run and read ([`suite`] holds what they have in
//! common). `scene` runs a part of a suite, with a collector that really receives, `outcome` holds
//! what its tests said, `compare` judges runs of both kinds, and `table` prints.
//! `interpreters` is about other releases' interpreters and stands beside all this.

mod archive;
mod collector;
mod compare;
mod cpython;
mod interpreters;
mod outcome;
mod perl;
mod postgres;
mod process;
mod ruby;
mod scene;
mod suite;
mod table;
mod tap;

use nix::sys::prctl;

use self::archive::Archive;
use self::compare::History;
use self::scene::Scene;
pub(crate) use self::suite::Suite;
use self::suite::{Part, Report};
use crate::failure::{Context, Failure};
use crate::{cargo, packages};

/// Pairs that follow a first one in which the two differ.
const AGAIN: usize = 3;

/// Pairs that follow when those could not tell chance from a cause.
const ONCE_MORE: usize = 6;

/// Runs the suites in pairs and prints what differs. Fails when something truly does.
///
/// `only` keeps the parts whose names hold one of its texts; when it is empty, all of them.
pub(crate) fn run(suites: &[Suite], only: &[String]) -> Result<(), Failure> {
    prepare()?;
    let suites = if suites.is_empty() { Suite::ALL } else { suites };
    let archive = Archive::open()?;
    let mut reports = Vec::new();
    let mut findings = Vec::new();
    for suite in suites {
        match witness(*suite, &archive, only) {
            Ok(report) => {
                findings.extend(report.findings());
                reports.push(report);
            }
            Err(failure) => findings.push(format!("{suite}: {failure}")),
        }
        if reports.last().and_then(|report| report.broke_off.as_ref()).is_some_and(is_interruption) {
            break;
        }
    }
    table::print(&reports);
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings(findings)) }
}

/// Loads a module in a forked child of every interpreter that other Debian releases have, and
/// compares who the shim says asked for it with what the script knows.
pub(crate) fn interpreters(releases: &[String]) -> Result<(), Failure> {
    prepare()?;
    interpreters::run(releases, &Archive::open()?)
}

/// What a witness needs, and the shim and the collector as they are shipped.
fn prepare() -> Result<(), Failure> {
    packages::provide_for_witnesses()?;
    // One by one: built together, the shim would get features that only the collector asks for.
    for package in ["postfork", "alive-collector"] {
        cargo::run(&mut cargo::cargo(&["build", "--release", "--package", package]))?;
    }
    process::hold_interruptions().context("holding signals back")?;
    // What a test leaves behind becomes our child, so that it can be ended and never counts for the next.
    prctl::set_child_subreaper(true).map_err(std::io::Error::from).context("becoming the subreaper")
}

fn is_interruption(failure: &Failure) -> bool {
    matches!(failure, Failure::Io { source, .. } if source.kind() == std::io::ErrorKind::Interrupted)
}

/// One suite: all its parts, in pairs.
fn witness(suite: Suite, archive: &Archive, only: &[String]) -> Result<Report, Failure> {
    let scene = Scene::set(archive.folder())?;
    let mut parts = suite.parts(archive, &scene)?;
    parts.retain(|part| only.is_empty() || only.iter().any(|text| part.name.contains(text)));
    let mut report = Report::new(suite);
    for part in &parts {
        match pairs(part, &scene) {
            Ok(history) => {
                table::progress(suite, part, &history);
                report.add(part, &history);
            }
            Err(failure) => {
                report.broke_off = Some(failure);
                break;
            }
        }
    }
    report.heard = scene.strike()?;
    Ok(report)
}

/// Runs a part once in both ways, and again for as long as it takes to tell chance from a cause.
fn pairs(part: &Part, scene: &Scene) -> Result<History, Failure> {
    let mut history = History::default();
    for more in [1, AGAIN, ONCE_MORE] {
        for _ in 0..more {
            history.without.push(scene.play(part, false)?);
            history.with.push(scene.play(part, true)?);
        }
        if history.is_settled() {
            break;
        }
    }
    Ok(history)
}
