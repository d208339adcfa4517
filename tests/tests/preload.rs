//! Lists of what to preload, proved by pasting: a real daemon is run, `alive preload` makes its list, the
//! list goes where its comments say, and the daemon is run once more. What was pasted is then loaded by
//! no worker.
//!
//! Memory is printed, not asserted: it is the machine's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use alive_tests::daemon::Start;
use alive_tests::scene::Scene;
use alive_tests::served::{Result, Served};
use alive_tests::targets;
use serde_json::Value;

const PYTHON: &[&str] =
    &["/", "/json", "/xml", "/sql", "/native", "/threads", "/process", "/late", "/optional"];
const PERL: &[&str] =
    &["/", "/json", "/native", "/text", "/dump", "/files", "/process", "/late", "/optional"];
const RUBY: &[&str] =
    &["/", "/json", "/erb", "/native", "/text", "/framework", "/auto", "/late", "/optional"];

/// Rounds of requests in which each of two workers answers every page, or nearly so.
const ROUNDS: usize = 3;

/// Runs a web server and asks for its pages.
fn run(scene: &Scene, name: &'static str, start: Start, pages: &[&str]) -> Result {
    let served = Served::start(scene, name, start);
    served.ask(pages, ROUNDS);
    served.end()
}

fn every_role(_: &Value) -> bool {
    false
}

/// Files and processes: one for each file that a process loaded.
fn loads(result: &Result, without: impl Fn(&Value) -> bool) -> u64 {
    result.late(without).values().sum()
}

/// Asserts that of the `pasted` files no worker loads one any more, and prints the comparison.
#[track_caller]
fn assert_gone(
    what: &str,
    [before, after]: [&Result; 2],
    pasted: &BTreeSet<PathBuf>,
    without: impl Fn(&Value) -> bool + Copy,
) {
    assert!(!pasted.is_empty(), "{what}: nothing was pasted");
    let late = after.late(without);
    let still: Vec<&PathBuf> = pasted.iter().filter(|path| late.contains_key(*path)).collect();
    assert!(still.is_empty(), "{what}: still loaded late: {still:#?}");
    let [was, is] = [loads(before, without), loads(after, without)];
    println!("{what}: late loads {was} -> {is}; {} -> {}", before.memory, after.memory);
    assert!(is < was, "{what}: {was} late loads before, {is} after");
}

/// Every file of the findings that should be preloaded.
fn all_to_preload(result: &Result) -> BTreeSet<PathBuf> {
    let roots = result.to_preload();
    roots
        .into_iter()
        .flat_map(|(root, mut files)| {
            files.insert(root);
            files
        })
        .collect()
}

/// Lets an interpreter read a list without running it.
fn assert_well_formed(scene: &Scene, checker: &[&str], list: &Path) {
    let [program, options @ ..] = checker else { panic!("no checker") };
    let mut command = scene.command(Path::new(program));
    let _ = scene.run(command.args(options).arg(list)).well();
}

#[test]
fn gunicorn() {
    let scene = Scene::without_collector();
    let Some(start) = targets::gunicorn(&scene, &[], false) else { return };
    let before = run(&scene, "before", start, PYTHON);
    let file = scene.path("gunicorn.conf.py");
    std::fs::write(&file, before.list(&scene, "gunicorn")).expect("a file in the scene");
    let Some(start) = targets::gunicorn(&scene, &["--config", &file.display().to_string()], false) else {
        return;
    };
    let after = run(&scene, "after", start, PYTHON);
    assert_gone("gunicorn", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn starman() {
    let scene = Scene::without_collector();
    let Some(start) = targets::starman(&scene, &[]) else { return };
    let before = run(&scene, "before", start, PERL);
    std::fs::write(scene.path("AlivePreload.pm"), before.list(&scene, "perl")).expect("a file in the scene");
    let folder = scene.path("").display().to_string();
    let options = ["-I", &folder, "-M", "AlivePreload", "--preload-app"];
    let Some(start) = targets::starman(&scene, &options) else { return };
    let after = run(&scene, "after", start, PERL);
    assert_gone("starman", [&before, &after], &all_to_preload(&before), every_role);
}

#[test]
fn puma() {
    let scene = Scene::without_collector();
    let Some(start) = targets::puma(&scene, "", false) else { return };
    let before = run(&scene, "before", start, RUBY);
    let list = before.list(&scene, "puma");
    let Some(start) = targets::puma(&scene, &list, false) else { return };
    let after = run(&scene, "after", start, RUBY);
    assert_gone("puma", [&before, &after], &all_to_preload(&before), every_role);
}
