//! From a daemon's fork to the report: what `alive run` and `alive report` say of real processes.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, daemon, events};
use nix::sys::signal::Signal;
use serde_json::Value;

/// `alive` with arguments, in the scene.
fn alive(scene: &Scene, args: &[&str]) -> Command {
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(args);
    command
}

/// The report of the scene's database, in the form for programs.
fn report(scene: &Scene) -> Value {
    let said =
        scene.run(&mut alive(scene, &["report", "--db", "alive.db", "--format", "json"])).well().said();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"))
}

/// The one program in a report.
fn only_program(report: &Value) -> &Value {
    let programs = report["programs"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(programs.len(), 1, "{report:#}");
    &programs[0]
}

/// The load of a file whose path ends so.
fn load<'a>(program: &'a Value, end: &str) -> &'a Value {
    let loads = program["loads"].as_array().into_iter().flatten();
    let mut found =
        loads.filter(|load| load["path"].as_str().is_some_and(|path| Path::new(path).ends_with(end)));
    let load = found.next().unwrap_or_else(|| panic!("no load of {end} in {program:#}"));
    assert!(found.next().is_none(), "more than one load of {end} in {program:#}");
    load
}

/// Runs the demo daemon with three workers under `alive run`, and `visits` it.
fn visit_demo(scene: &Scene, visits: impl FnOnce(SocketAddr)) {
    let lazyd = artifacts::source("../demo/bin/lazyd").display().to_string();
    let workers = ["--min", "3", "--max", "3", "--max-spare", "3"];
    let mut command = alive(scene, &["run", "--db", "alive.db", "--", "perl", &lazyd]);
    let mut run = Running::start(scene, command.args(workers));
    let address = run.await_line("lazyd: listening on ").parse().expect("an address");
    visits(address);
    run.signal(Signal::SIGTERM);
    let said = run.end().well().said();
    assert!(said.lines().count() > 1, "a report is printed at the end: {said}");
}

/// The parent gives work to the lowest-numbered idle worker, so the first is hot and the last may
/// load nothing at all. It counts all the same: a worker that loaded nothing was forked too.
#[test]
fn workers_are_counted_rightly_when_one_does_most_of_the_work() {
    let scene = Scene::without_collector();
    visit_demo(&scene, |address| {
        for _ in 0..3 {
            daemon::get(address, "/json").expect("an answer");
        }
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| daemon::get(address, "/digest?hold=500").expect("an answer"));
            }
        });
    });
    let report = report(&scene);
    let program = only_program(&report);
    assert_eq!(program["program"], "lazyd");

    let roles = program["roles"].as_array().expect("roles");
    let workers: Vec<_> = roles.iter().filter(|role| !role["parent"].is_null()).collect();
    assert_eq!(workers.len(), 1, "one place forks: {roles:#?}");
    assert_eq!(workers[0]["processes"], 3, "{roles:#?}");

    for (file, processes) in [("JSON/PP.pm", 1), ("Digest/SHA.pm", 2), ("auto/Digest/SHA/SHA.so", 2)] {
        let load = load(program, file);
        assert_eq!(load["processes"], processes, "{load:#}");
        assert_eq!(load["role"], workers[0]["id"]);
        assert!(load["caller"].is_object(), "who asked: {load:#}");
    }
    for finding in program["findings"].as_array().expect("findings") {
        assert_eq!(finding["of"], 3, "{finding:#}");
    }
    let verdict_of = |end: &str| {
        let findings = program["findings"].as_array().into_iter().flatten();
        let mut holding = findings.filter(|finding| finding.to_string().contains(end));
        holding.next().map(|finding| finding["verdict"].clone()).unwrap_or_default()
    };
    assert_eq!(verdict_of("/Digest/SHA.pm"), "preload", "2 of 3");
    assert_ne!(verdict_of("/JSON/PP.pm"), "preload", "1 of 3");
}

/// A server that forks for each connection announces its first children only; the others count all
/// the same, and forks that fail do not. Of the three that fail here, one fails with the errno that stood
/// there before, and so cannot be told from a fork that went well.
#[test]
fn very_many_children_are_counted_and_failed_forks_are_not() {
    let mut scene = Scene::start();
    let code = scene.file("late.pm");
    // The program gives up root, for whom no limit holds.
    std::fs::set_permissions(scene.path("."), Permissions::from_mode(0o755)).expect("the scene's folder");
    let _ = scene.run(scene.traced("many_forks").arg("70").arg(&code)).well();
    scene.stop_collector();
    let report = report(&scene);
    let program = only_program(&report);
    let roles = program["roles"].as_array().expect("roles");
    let children: Vec<_> = roles.iter().filter(|role| !role["parent"].is_null()).collect();
    assert_eq!(children.len(), 1, "one place forks: {roles:#?}");
    assert_eq!(children[0]["processes"], 70 + 1 + 1, "{roles:#?}");
    assert_eq!(load(program, "late.pm")["role"], children[0]["id"], "the last one, which nobody announced");
}

#[test]
fn the_exit_status_is_the_programs_own() {
    let scene = Scene::without_collector();
    for status in [0, 1, 7, 255] {
        let ran = scene.run(&mut alive(&scene, &["run", "--", "/bin/sh", "-c", &format!("exit {status}")]));
        assert_eq!(ran.status.code(), Some(status), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn late_loads_can_be_made_to_fail_a_run() {
    let scene = Scene::without_collector();
    let code = scene.file("late.pm").display().to_string();
    let run = |program: &str| {
        let program = artifacts::program(program).display().to_string();
        scene.run(&mut alive(&scene, &["run", "--fail-on-late", "--", &program, &code])).status.code()
    };
    assert_eq!(run("fork"), Some(3));
    assert_eq!(run("parent_loads"), Some(0));
}

#[test]
fn the_events_file_of_a_run_holds_its_loads() {
    let scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let program = artifacts::program("fork");
    let mut command = alive(&scene, &["run", "--db", "alive.db", "--events", "events.ndjson", "--"]);
    let _ = scene.run(command.arg(&program).arg(&code)).well();
    let seen = events::Events::parse(&scene.events_text());
    assert_eq!(seen.the_load_of(&code).number("depth"), 1);
    let report = report(&scene);
    assert_eq!(load(only_program(&report), "late.pm")["processes"], 1);
}

#[test]
fn a_database_that_is_not_there_is_said_in_words() {
    let scene = Scene::without_collector();
    let ran = scene.run(&mut alive(&scene, &["report", "--db", "nowhere.db"]));
    assert_eq!(ran.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("nowhere.db"));
    assert!(!scene.path("nowhere.db").exists(), "asking makes no database");
}

#[test]
fn a_preload_library_that_was_there_stays_there() {
    let scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let log = scene.path("interposer.log");
    let mut command = alive(&scene, &["run", "--db", "alive.db", "--"]);
    command.env("LD_PRELOAD", artifacts::built("libalive_interposer.so")).env("INTERPOSER_LOG", &log);
    let _ = scene.run(command.arg(artifacts::program("fork")).arg(&code)).well();
    let theirs = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(theirs.contains(&format!("open {}", code.display())), "{theirs}");
    let report = report(&scene);
    assert_eq!(load(only_program(&report), "late.pm")["processes"], 1);
}

/// SIGTERM to `alive run` is SIGTERM to the daemon, and the daemon's end is the end of the run.
#[test]
fn a_signal_is_passed_on() {
    let scene = Scene::without_collector();
    // Perl, for a shell would clear an inherited mask of blocked signals by itself.
    let script = "$SIG{TERM} = sub { exit 42 }; $| = 1; print qq(ready\\n); sleep 1 while 1";
    let mut run = Running::start(&scene, &mut alive(&scene, &["run", "--", "perl", "-e", script]));
    let _ = run.await_line("ready");
    run.signal(Signal::SIGTERM);
    assert_eq!(run.end().status.code(), Some(42));
}
