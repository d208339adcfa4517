//! Threads: many at once, cancelled ones, and libraries that go while others look.

use std::collections::BTreeSet;
use std::ffi::OsString;

use alive_tests::events::Event;
use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, words};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Each event has its own number in the tree, so what was sent and did not arrive shows as a gap.
#[test]
fn of_64_threads_that_load_at_once_every_load_arrives_or_is_known_to_be_lost() {
    let mut scene = Scene::without_collector();
    let (code, library) = (scene.file("late.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    let same = same_in_every_world(&mut scene, "threads", words!["64", "20", &code, &library]);
    let _ = same.said();
    let loads = same.events.loads_of(&code);
    let root = loads.first().expect("some load arrives").root();
    let numbers: BTreeSet<u64> = ["start", "load", "missing", "fork"]
        .into_iter()
        .flat_map(|kind| same.events.of(kind))
        .filter(|event| event.root() == root)
        .map(|event| event.number("seq"))
        .collect();
    let last = numbers.last().copied().unwrap_or_default();
    // A fork is announced by an event that the file does not show: it is the one number that lacks.
    let gaps = usize::try_from(last).expect("few events") - numbers.len() - 1;
    assert!(
        loads.len() <= 64 * 20 && loads.len() + gaps >= 64 * 20,
        "{} loads, {gaps} lost of {last}",
        loads.len()
    );
}

#[test]
fn a_thread_is_cancelled_inside_open_and_its_handlers_run() {
    let mut scene = Scene::without_collector();
    let fifo = fifo(&scene);
    for function in ["open", "openat", "fopen"] {
        let same = same_in_every_world(&mut scene, "cancelled", words![function, &fifo]);
        let expected = "cleanup of the inner block\ncleanup of the outer block\ncancelled\nthen well\n";
        assert_eq!(same.said(), expected, "{function}");
    }
}

#[test]
fn a_thread_is_cancelled_inside_open_and_its_objects_are_destroyed() {
    let mut scene = Scene::without_collector();
    let fifo = fifo(&scene);
    let same = same_in_every_world(&mut scene, "cancelled_with_objects", words![&fifo]);
    assert_eq!(
        same.said(),
        "destroyed the inner object\npasses through\n\
         destroyed the outer object, whose name is too long to lie within it\ncancelled\n"
    );
}

#[test]
fn no_hook_is_a_place_to_be_cancelled_at_that_was_none_before() {
    let mut scene = Scene::without_collector();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    let same = same_in_every_world(&mut scene, "cancel_pending", words![&code, &absent, &library]);
    assert!(same.said().ends_with("dlopen of nothing 0\ncleanup\ncancelled, then 0\n"), "{}", same.said());
    let _ = same.events.the_load_of(&library);
}

/// Four threads open a library each, load code from within it, and close it, five hundred times: what
/// lies at an address, and whose name it bears, changes all the time.
#[test]
fn while_libraries_come_and_go_no_load_is_ascribed_to_the_wrong_one() {
    let mut scene = Scene::without_collector();
    let mut args = words!["500"];
    for number in 0..4 {
        let library = scene.path(format!("lib{number}.so"));
        artifacts::library("calls_back", &library, &[] as &[&str]);
        args.extend([OsString::from(library), scene.file(format!("code{number}.pm")).into()]);
    }
    let same = same_in_every_world(&mut scene, "unloads", args);
    assert_eq!(same.said(), "500 rounds each, failed 0\n");
    let mut modules = 0;
    for load in same.events.of("load") {
        let name = load.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(scene.path(name).exists(), "{name:?} of {}", load.text("path"));
        if let Some(number) = name.strip_prefix("code").and_then(|name| name.strip_suffix(".pm")) {
            modules += 1;
            assert_eq!(libraries_of(load), [format!("lib{number}.so")], "the stack of {name}");
        }
    }
    assert!(modules > 0, "loads arrived");
}

/// The scene's own libraries that a load's stack lies in.
fn libraries_of(load: &Event) -> Vec<String> {
    let frames = load.member("stack").as_array().map(Vec::as_slice).unwrap_or_default();
    let names = frames.iter().filter_map(|frame| frame["module"].as_str()?.rsplit('/').next());
    names.filter(|name| name.starts_with("lib") && !name.starts_with("libc.")).map(str::to_owned).collect()
}

/// A FIFO that has the name of code.
fn fifo(scene: &Scene) -> std::path::PathBuf {
    let path = scene.path("fifo.pm");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO in the scene");
    path
}

#[test]
fn threads_that_load_all_at_once_each_have_every_load_reported() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let _ = scene.run(scene.traced("threads").args(["4", "250"]).args([&code, &library])).well();
    assert_eq!(scene.events().loads_of(&code).len(), 1000);
}
