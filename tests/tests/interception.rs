//! `docs/interception.md` says what is seen and what is not: that it is so, and that every line of it
//! is backed by a test or a reason.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use alive_tests::artifacts;
use alive_tests::events::Events;
use alive_tests::scene::Scene;

/// A child gets at `late.pm` by another way, then loads `after.pm`; all that was told.
fn told_of(scene: &Scene, how: &str) -> Events {
    let (code, after) = (scene.file("late.pm"), scene.file("after.pm"));
    let library = scene.path("libframes.so");
    artifacts::library("frames", &library, &[] as &[&str]);
    let args = [Path::new(how), &code, &after, &library];
    let without = scene.run(scene.plain("other_ways").args(args)).well();
    let with = scene.run(scene.traced("other_ways").args(args)).well();
    assert_eq!(without.said(), "there\n", "{how}");
    assert_eq!(with, without, "{how}");
    let events = scene.events();
    // Else nothing would be seen for quite another reason.
    let _ = events.the_load_of(&after);
    events
}

/// Nothing is told of the file that was got at.
fn assert_not_seen(how: &str) {
    let scene = Scene::start();
    let events = told_of(&scene, how);
    assert_eq!(events.of("load").count(), 1, "{how}: {}", events.told());
}

#[test]
fn a_file_that_is_opened_by_a_system_call_is_not_seen() {
    for how in ["syscall", "openat2", "kernel"] {
        assert_not_seen(how);
    }
}

#[test]
fn a_file_that_was_open_before_the_fork_is_not_seen() {
    assert_not_seen("inherited");
}

#[test]
fn a_folder_that_is_listed_is_no_load() {
    assert_not_seen("folder");
}

#[test]
fn a_program_that_is_executed_without_the_variable_is_not_seen() {
    assert_not_seen("executed");
}

#[test]
fn a_library_that_has_no_file_is_a_load_by_the_kernels_name_for_it() {
    let scene = Scene::start();
    let events = told_of(&scene, "memory");
    let loads: Vec<_> = events.of("load").filter(|load| load.text("via") == "dlopen").collect();
    assert_eq!(loads.len(), 1, "{}", events.told());
    assert_eq!(loads[0].path(), Path::new("/memfd:code (deleted)"));
    assert!(loads[0].text("name").starts_with("/proc/self/fd/"), "{}", events.told());
}

#[test]
fn a_library_in_a_namespace_of_its_own_is_an_attempt_and_its_own_loads_are_not_seen() {
    let scene = Scene::start();
    let events = told_of(&scene, "namespace");
    let attempt = events.the_load_of(&scene.path("libframes.so"));
    assert_eq!((attempt.text("outcome"), attempt.text("via")), ("unknown", "dlopen"));
    assert!(events.loads_of(&scene.path("late.pm")).is_empty(), "{}", events.told());
}

#[test]
fn what_is_no_regular_file_is_no_load() {
    let scene = Scene::start();
    let folder = scene.path("folder.pm");
    std::fs::create_dir(&folder).expect("a folder in the scene");
    let device = scene.path("device.pm");
    symlink("/dev/null", &device).expect("a symbolic link");
    // A socket cannot be opened at all; its failure is no search.
    let socket = scene.path("socket.pm");
    let _listener = UnixListener::bind(&socket).expect("a socket in the scene");
    for path in [&folder, &device] {
        let _ = scene.run(scene.traced("fork").arg(path)).well();
    }
    let enxio = scene.run(scene.traced("fork").arg(&socket));
    assert_eq!(enxio.status.code(), Some(6));
    scene.events().assert_no_load();
    assert_eq!(scene.events().of("missing").count(), 0);
}

/// The page, as text.
fn page() -> String {
    std::fs::read_to_string(artifacts::source("../docs/interception.md")).expect("the page is in the tree")
}

/// Rows of the tables between a heading and the next one of its rank, as cells.
fn rows<'t>(page: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let (_, section) = page.split_once(heading).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines: Vec<&str> = section.lines().collect();
    let is_row = |line: &&str| line.starts_with('|');
    let mut rows = Vec::new();
    for (above, line) in lines.iter().zip(lines.iter().skip(1)).filter(|(_, line)| is_row(line)) {
        // The first line of a table is its head, the second one is dashes.
        if is_row(above) && !line.starts_with("|---") {
            rows.push(line.trim_matches('|').split('|').map(str::trim).collect());
        }
    }
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Names of all functions in the sources below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    let entries = std::fs::read_dir(folder).expect("a folder of tests");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let tests = text.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn "));
            found.extend(tests.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn the_page_lists_exactly_the_functions_that_are_exported() {
    let page = page();
    let listed: Vec<&str> = rows(&page, "## By symbol").iter().flat_map(|row| quoted(row[0])).collect();
    let exported = std::fs::read_to_string(artifacts::source("golden/exports.txt")).expect("the golden list");
    let as_set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(as_set(&listed), as_set(&exported.lines().collect::<Vec<_>>()));
    assert_eq!(listed.len(), exported.lines().count(), "a symbol stands there twice");
}

#[test]
fn every_line_of_the_page_names_a_test_that_exists_or_a_reason() {
    let page = page();
    let mut tests = BTreeSet::new();
    for folder in ["tests", "../cli/tests"] {
        functions(&artifacts::source(folder), &mut tests);
    }
    let mut named = 0;
    for (heading, cells) in
        [("## By symbol", 6), ("## By mechanism", 4), ("## What it needs of its place", 3)]
    {
        for row in rows(&page, heading) {
            assert_eq!(row.len(), cells, "{row:?}");
            let (what, test, reason) = (row[0], row[cells - 1], row[cells - 2]);
            assert!(!what.is_empty() && !reason.is_empty(), "neither a test nor a reason: {row:?}");
            for name in quoted(test) {
                assert!(tests.contains(name), "no test is called {name}, which stands beside {what}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "only {named} tests were found on the page");
}
