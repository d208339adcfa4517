//! What a process sees of itself: how it ends, its descriptors, its signals, its files' modes.

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, words};

/// A library with nothing below it, in the scene.
fn plain_library(scene: &Scene) -> std::path::PathBuf {
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    library
}

#[test]
fn everything_that_a_process_can_see_of_itself_is_as_without_the_shim() {
    let mut scene = Scene::without_collector();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), plain_library(&scene));
    let same = same_in_every_world(&mut scene, "state", words![&code, &library, &absent]);
    assert!(same.said().contains("\nstatus 7\nroot, later: errno 4714\n"), "{}", same.said());
    let _ = same.events.the_load_of(&code);
    let _ = same.events.the_load_of(&library);
}

#[test]
fn a_program_that_another_one_executes_finds_what_it_would_find() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    for how in ["execve", "execvp", "fexecve", "execveat", "posix_spawn"] {
        let same = same_in_every_world(&mut scene, "executes", words![how, &code]);
        assert!(same.said().contains("\nstatus 5\nroot: errno 0\n"), "{how}: {}", same.said());
    }
}

#[test]
fn every_way_to_end_gives_the_same_status() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let ways = [
        ("exit", "42"),
        ("return", "0"),
        ("atexit", "3"),
        ("thread", "9"),
        ("signal", "15"),
        ("signal", "6"),
    ];
    for (how, number) in ways {
        let same = same_in_every_world(&mut scene, "ends", words![how, number, &code]);
        let said = String::from_utf8_lossy(&same.outcome.stdout).into_owned();
        assert!(said.contains("_exit 255: status ff00\n"), "{said}");
        assert!(said.ends_with("signal 34: status 22\n"), "{said}");
        assert_eq!(same.events.loads_of(&code).len() % 15, 0, "one in each child: {}", same.events.told());
    }
}

#[test]
fn the_modes_of_new_files_are_the_ones_that_were_asked_for() {
    let mut scene = Scene::without_collector();
    let folder = scene.path("made");
    std::fs::create_dir(&folder).expect("a folder in the scene");
    let said = same_in_every_world(&mut scene, "modes", words![&folder]).said();
    assert!(said.starts_with("open: 100751, 0 bytes\nopen64: 104640, 0 bytes\n"), "{said}");
}

#[test]
fn a_process_that_has_closed_everything_gets_every_number_itself() {
    let mut scene = Scene::without_collector();
    let (code, library) = (scene.file("late.pm"), plain_library(&scene));
    let same = same_in_every_world(&mut scene, "all_closed", words![&code, &library]);
    let said = same.said();
    assert!(said.starts_with("descriptor 0\ndescriptor 1\ndescriptor 2\ndescriptor 3\n"), "{said}");
    assert!(said.contains("library well, descriptor behind it 4\n"), "{said}");
    assert_eq!(same.events.loads_of(&code).len(), 5, "{}", same.events.told());
}

#[test]
fn a_process_that_may_open_no_descriptor_is_told_so_as_ever() {
    let mut scene = Scene::without_collector();
    let (code, library) = (scene.file("late.pm"), plain_library(&scene));
    let same = same_in_every_world(&mut scene, "few_descriptors", words![&code, &library]);
    let said = same.said();
    assert!(said.contains("none: descriptor -1, errno 24\n"), "{said}");
    assert!(said.contains("one: descriptor 3, errno 4711\n"), "{said}");
    // The loads that took the last descriptor left none for the socket that would have told of them.
    assert_eq!(same.events.loads_of(&code).len(), 2, "{}", same.events.told());
}

#[test]
fn streams_that_are_opened_anew_keep_their_numbers() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pl");
    let out = scene.path("out.txt");
    let same = same_in_every_world(&mut scene, "reopens", words![&code, &out]);
    let _ = same.outcome.clone().well();
    let said = String::from_utf8_lossy(&same.outcome.stderr).into_owned();
    assert!(said.starts_with("same stream: 1\nnumber 0\nread 1;\n"), "{said}");
    assert!(said.ends_with("mode only: 1\nabsent: 1 errno 2\n"), "{said}");
    let _ = same.events.the_load_of(&code);
}

#[test]
fn what_the_kernel_tells_of_the_process_is_the_same() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let said = same_in_every_world(&mut scene, "looks_at_itself", words![&code]).said();
    assert!(said.contains("secure 0\ncalled looks_at_itself\n"), "{said}");
}

#[test]
fn the_numbers_of_descriptors_are_the_ones_the_program_would_get() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let without = scene.run(scene.plain("descriptors").arg(&code)).well();
    let with = scene.run(scene.traced("descriptors").arg(&code)).well();
    assert_eq!(with.said(), without.said());
    assert_eq!(scene.events().loads_of(&code).len(), 6);
}

#[test]
fn after_every_descriptor_was_closed_loads_are_still_reported() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let ran = scene.run(scene.traced("close_range").arg(&code)).well();
    assert_eq!(ran.said(), "descriptor 3\n");
    let _ = scene.events().the_load_of(&code);
}

#[test]
fn errno_is_the_programs_own() {
    let scene = Scene::start();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let ran = scene.run(scene.traced("errno").args([&code, &absent])).well();
    assert_eq!(
        ran.said(),
        "open: well, errno 4711\n\
         open: failed, errno 2\n\
         open of a bad address: failed, errno 14\n\
         fopen: failed, errno 2\n"
    );
}
