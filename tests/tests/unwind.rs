//! Places where a stack cannot be walked, or only in part: the event arrives with the frames that
//! can be had, and the program is what it is without the shim.

use std::path::{Path, PathBuf};

use alive_tests::artifacts;
use alive_tests::damage;
use alive_tests::events::{Event, Events};
use alive_tests::scene::Scene;

/// Damaged copies that one test loads.
const COPIES: u64 = 100;

/// Copies of a library, each of them with damaged unwind tables.
fn damaged(scene: &Scene, link: &[&str]) -> Vec<PathBuf> {
    let whole = scene.path("libframes.so");
    artifacts::library("frames", &whole, link);
    let target = damage::Target::read(&whole);
    let first = std::env::var("ALIVE_FUZZ_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    (first..first + COPIES)
        .map(|seed| {
            let copy = scene.path(format!("libdamaged-{seed}.so"));
            target.write_damaged(seed, &copy);
            copy
        })
        .collect()
}

/// What the children that went through these libraries came to: as without the shim, and every
/// load was told.
fn assert_told_through(scene: &Scene, libraries: &[PathBuf]) -> Events {
    let code = scene.file("late.pm");
    let run = |mut command: std::process::Command| scene.run(command.arg(&code).args(libraries)).well();
    let without = run(scene.plain("through_library"));
    let with = run(scene.traced("through_library"));
    assert_eq!(without.said(), "0 ".repeat(libraries.len()) + "\n");
    assert_eq!(with, without);
    let events = scene.events();
    for library in libraries {
        let _ = events.the_load_of(library);
    }
    // One through the library, and one after it was closed.
    assert_eq!(events.loads_of(&code).len(), 2 * libraries.len(), "{}", events.told());
    events
}

/// Modules of an event's stack by their base names, runs of the same one as one.
fn modules(load: &Event) -> Vec<String> {
    let stack = load.member("stack").as_array();
    let paths = stack.into_iter().flatten().filter_map(|frame| frame["module"].as_str());
    let mut names: Vec<_> =
        paths.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    names.dedup();
    names
}

/// Frames of an event's stack.
fn frames(load: &Event) -> usize {
    load.member("stack").as_array().map_or(0, Vec::len)
}

#[test]
fn a_library_with_whole_tables_is_walked_through() {
    let scene = Scene::start();
    let library = scene.path("libframes.so");
    artifacts::library("frames", &library, &["-fomit-frame-pointer"]);
    let events = assert_told_through(&scene, std::slice::from_ref(&library));
    let code = scene.path("late.pm");
    let stacks: Vec<_> = events.loads_of(&code).into_iter().map(modules).collect();
    let program = ["through_library", "libc.so.6", "through_library"];
    assert_eq!(stacks, [[&["libframes.so"], &program[..]].concat(), program.to_vec()]);
}

#[test]
fn damaged_unwind_tables_make_the_stack_shorter_and_nothing_else() {
    let scene = Scene::start();
    let libraries = damaged(&scene, &["-fomit-frame-pointer"]);
    let _ = assert_told_through(&scene, &libraries);
}

/// Between the segments of such a library is memory that may not be touched, within its own range.
#[test]
fn damaged_tables_that_lead_into_the_gap_between_two_segments_do_not_either() {
    let scene = Scene::start();
    let gap = ["-fomit-frame-pointer", "-Wl,-z,noseparate-code,-z,max-page-size=0x10000"];
    let libraries = damaged(&scene, &gap);
    let _ = assert_told_through(&scene, &libraries);
}
