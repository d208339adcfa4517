//! The collector's looks at the processes that report.

use std::time::{Duration, Instant};

use alive_tests::artifacts;
use alive_tests::scene::Scene;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use crate::{BESIDE, DEADLINE, KIB, alive, json, library, list, number, ready, words};

/// The memory of the workers in the report of a database.
fn looked(scene: &Scene, db: &str) -> Value {
    let report = json(scene.run(&mut alive(scene, &["report", "--db", db, "--format", "json"])));
    let roles = list(&report["programs"][0]["roles"]);
    let worker = roles.iter().find(|role| !role["parent"].is_null());
    worker.unwrap_or_else(|| panic!("no worker: {report:#}"))["memory"].clone()
}

#[test]
fn a_run_looks_at_its_workers_before_it_ends_them() {
    let scene = Scene::without_collector();
    let library = library(&scene);
    let program = artifacts::program("holds");
    let mut run = alive(&scene, &["run", "--db", "alive.db", "--"]);
    let (running, _, _) = ready(&scene, run.arg(&program).args(words(&library)));
    running.signal(Signal::SIGTERM);
    let table = running.end().well().said();
    assert!(table.contains("(mean of 3 processes)"), "{table}");
    let memory = looked(&scene, "alive.db");
    assert_eq!((&memory["processes"], &memory["unreadable"]), (&3.into(), &0.into()));
    for key in ["private_dirty_kib", "max_private_dirty_kib"] {
        let dirty = number(&memory[key]);
        assert!((KIB..KIB + BESIDE).contains(&dirty), "{memory:#}");
    }
}

#[test]
fn the_collector_looks_once_a_worker_is_silent() {
    let mut scene = Scene::start();
    let library = library(&scene);
    let (running, _, children) = ready(&scene, scene.traced("holds").args(words(&library)));
    let until = Instant::now() + DEADLINE;
    // Until something was written there is no report.
    let report = || scene.run(&mut alive(&scene, &["report", "--db", "alive.db"])).said();
    while !report().contains("(mean of 3 processes)") {
        assert!(Instant::now() < until, "no look: {}", report());
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.stop_collector();
    running.signal(Signal::SIGTERM);
    let _ = running.end().well();
    let memory = looked(&scene, "alive.db");
    assert!(number(&memory["private_dirty_kib"]) >= KIB, "{memory:#}");
    assert!(nix::sys::signal::kill(Pid::from_raw(children[0].cast_signed()), None).is_err(), "it has ended");
    assert_eq!(looked(&scene, "alive.db")["processes"], 3, "what was seen stays");
}
