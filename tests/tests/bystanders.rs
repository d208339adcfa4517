//! What stands by when a process forks: threads that are gone in the child, sockets that it shares.

use std::ffi::OsString;

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, needs, words};
use serde_json::Value;

/// What the report says of the forks of the one program that ran.
fn at_fork(scene: &mut Scene) -> Value {
    scene.stop_collector();
    let mut report = scene.command(&artifacts::built("alive"));
    let said = scene.run(report.args(["report", "--db", "alive.db", "--format", "json"])).well().said();
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"));
    let roles = report["programs"][0]["roles"].as_array().cloned().unwrap_or_default();
    let [_, child] = &roles[..] else { panic!("not one place that forks: {report:#}") };
    child["at_fork"].clone()
}

/// Runs `bystanders` and returns what was seen at its forks.
fn seen(what: &str) -> Value {
    let mut scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("bystanders").arg(what).arg(&code)).well();
    assert!(!scene.events().loads_of(&code).is_empty());
    at_fork(&mut scene)
}

#[test]
fn a_process_that_has_nothing_but_itself_forks_safely() {
    let seen = seen("none");
    assert_eq!((&seen["threads"], &seen["sockets"]), (&0.into(), &0.into()), "{seen}");
    assert_eq!(seen["at_least"], false, "{seen}");
    assert_eq!(seen["thread_names"], Value::Array(vec![]), "{seen}");
}

#[test]
fn threads_are_counted_and_each_name_is_told_once() {
    let seen = seen("threads");
    assert_eq!((&seen["threads"], &seen["sockets"]), (&3.into(), &0.into()), "{seen}");
    let names: Vec<&str> =
        seen["thread_names"].as_array().into_iter().flatten().flat_map(Value::as_str).collect();
    assert_eq!(names, ["io", "timer"]);
}

#[test]
fn sockets_count_unless_they_listen_or_are_a_standard_stream() {
    assert_eq!(seen("sockets")["sockets"], 3);
    assert_eq!(seen("streams")["sockets"], 0);
}

#[test]
fn sockets_are_found_among_many_descriptors() {
    let few = seen("descriptors");
    assert_eq!((&few["sockets"], &few["at_least"]), (&67.into(), &false.into()), "{few}");
    let many = seen("many");
    assert!(many["sockets"].as_u64() >= Some(900), "{many}");
    assert_eq!(many["at_least"], true, "more than are looked at: {many}");
}

#[test]
fn the_last_time_and_the_worst_one_are_told_apart() {
    let seen = seen("repeat");
    assert_eq!((&seen["threads"], &seen["most_threads"]), (&0.into(), &2.into()), "{seen}");
    assert_eq!(seen["thread_names"].as_array().map(Vec::len), Some(2), "{seen}");
}

#[test]
fn without_proc_nothing_is_known_which_is_not_nothing() {
    if !needs::root() {
        return;
    }
    let mut scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("bystanders").args(["root", "/late.pm"])).well();
    assert_eq!(scene.events().of("load").count(), 1, "{}", code.display());
    assert_eq!(at_fork(&mut scene), Value::Null);
}

#[test]
fn the_program_does_not_notice_that_somebody_looks() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    for what in ["none", "threads", "sockets", "descriptors", "many", "streams", "repeat"] {
        let _ = same_in_every_world(&mut scene, "bystanders", words![what, &code]);
    }
    if needs::root() {
        let inside = OsString::from("/late.pm");
        let _ = same_in_every_world(&mut scene, "bystanders", words!["root", inside]);
    }
}
