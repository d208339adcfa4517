//! The dynamic linker: what dlopen and its kin do, say, and let through.

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, words};

#[test]
fn dlopen_and_its_kin_do_and_say_the_same() {
    let mut scene = Scene::without_collector();
    for name in ["plain", "unresolved"] {
        artifacts::library(name, &scene.path(format!("lib{name}.so")), &[] as &[&str]);
    }
    let _ = scene.file("libbroken.so");
    let folder = scene.path("");
    let same = same_in_every_world(&mut scene, "dlopen_words", words![&folder]);
    let said = same.said();
    assert!(said.contains("libunresolved.so: undefined symbol: nobody_has_this\n"), "{said}");
    assert!(said.contains("two failures: not there, libalive-second.so: "), "{said}");
    assert!(said.contains("words wait: not there, libalive-fourth.so: "), "{said}");
    assert!(!same.events.loads_of(&scene.path("libplain.so")).is_empty(), "{}", same.events.told());
}

#[test]
fn a_programs_own_open_stays_in_front() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let same = same_in_every_world(&mut scene, "own_open", words![&code]);
    assert_eq!(same.said(), "load 0\nmine is everybody's: 1\ncalls of mine: 2\n");
    // What its own open hands on comes by the shim.
    assert_eq!(same.events.loads_of(&code).len(), 2, "{}", same.events.told());
}

#[test]
fn exceptions_pass_where_they_would_pass() {
    let mut scene = Scene::without_collector();
    let (code, library) = (scene.file("late.pm"), scene.path("libthrows.so"));
    artifacts::library("throws", &library, &[] as &[&str]);
    let ends = [
        ("inside", "caught inside: from the constructor\nnothing came out\nload 0\nstatus 0\n"),
        ("comparator", "caught: from the comparator\nload 0\nstatus 0\n"),
        ("handler", "caught inside: from the constructor\ncaught: from its caller\nload 0\nstatus 0\n"),
        ("escapes", "status 134\n"),
    ];
    for (how, expected) in ends {
        let same = same_in_every_world(&mut scene, "throws", words![how, &library, &code]);
        assert_eq!(same.said(), expected, "{how}");
        assert!(!same.events.loads_of(&code).is_empty(), "{how}: {}", same.events.told());
    }
}
