//! Real daemons, without the shim and before and after a change.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use alive_tests::daemon::Start;
use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::{needs, targets};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{DEADLINE, alive, json, list, number};

/// A daemon by the words that start it, in the foreground and alone.
fn daemon(scene: &Scene, start: &Start) -> Command {
    let mut command = scene.command(Path::new(&start.command[0]));
    command.args(&start.command[1..]);
    command.envs(start.variables.iter().map(|(name, value)| (*name, value)));
    command
}

/// Waits until the daemon answers; its main process.
fn answers(running: &mut Running, start: &Start, pid_file: &Path) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        let pid = std::fs::read_to_string(pid_file).unwrap_or_default();
        if TcpStream::connect(start.address).is_ok() && pid.ends_with('\n') {
            return pid.trim().to_owned();
        }
        assert!(!running.has_ended() && Instant::now() < until, "it does not listen: {}", running.told());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks for every page, by two at a time, so that both workers have to answer.
fn ask_twice(start: &Start, pages: &[&str]) {
    for page in pages {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| alive_tests::daemon::get(start.address, page).expect("an answer"));
            }
        });
    }
}

#[test]
fn a_running_gunicorn_is_seen_to_load_libraries_in_its_workers() {
    let scene = Scene::without_collector();
    let pid_file = scene.path("gunicorn.pid");
    let Some(start) = targets::gunicorn(&scene, &["--pid", &pid_file.display().to_string()], false) else {
        return;
    };
    let mut running = Running::start(&scene, &mut daemon(&scene, &start));
    let pid = answers(&mut running, &start, &pid_file);
    let inspect = || json(scene.run(&mut alive(&scene, &["inspect", &pid, "--format", "json"])));
    let sqlite = |shown: &Value| -> Option<Value> {
        let late = list(&shown["families"][0]["late"]);
        late.iter()
            .find(|late| late["path"].as_str().is_some_and(|path| path.contains("/libsqlite3.so")))
            .cloned()
    };
    let until = Instant::now() + DEADLINE;
    let late = loop {
        ask_twice(&start, &["/sql"]);
        let shown = inspect();
        match sqlite(&shown) {
            Some(late) if list(&late["workers"]).len() == 2 => break late,
            _ => assert!(Instant::now() < until, "{shown:#}"),
        }
    };
    assert_eq!((&late["verdict"], &late["of"]), (&"preload".into(), &2.into()));
    assert!(number(&late["bytes"]) > 1_000_000 && number(&late["private_dirty_kib"]) > 0, "{late:#}");
    let total = json(scene.run(&mut alive(&scene, &["mem", &pid, "--format", "json"])))["total"].clone();
    assert_eq!(total["processes"], 3, "{total:#}");
    let table = scene.run(&mut alive(&scene, &["inspect", &pid])).well().said();
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.join(" ").contains("its 2 workers map ") && table.contains("2 of 2"), "{table}");
}

#[test]
fn root_sees_what_workers_of_another_user_hold() {
    let scene = Scene::without_collector();
    let Some(start) = targets::php_fpm(&scene, "-F") else { return };
    if !needs::root() {
        return;
    }
    let pid_file = start.pid_file.clone().expect("php-fpm writes one");
    let mut running = Running::start(&scene, &mut daemon(&scene, &start));
    let until = Instant::now() + DEADLINE;
    // It writes its pid without a newline, listens, and only then forks its workers.
    let shown = loop {
        assert!(!running.has_ended() && Instant::now() < until, "no two workers: {}", running.told());
        std::thread::sleep(Duration::from_millis(50));
        let pid = std::fs::read_to_string(&pid_file).unwrap_or_default().trim().to_owned();
        let ran = scene.run(&mut alive(&scene, &["inspect", &pid, "--format", "json"]));
        if let Ok(shown) = serde_json::from_str::<Value>(&ran.said())
            && list(&shown["families"][0]["workers"]).len() == 2
        {
            break shown;
        }
    };
    assert_eq!(list(&shown["families"][0]["not_compared"]).len(), 0, "{shown:#}");
    assert!(list(&shown["processes"]).iter().all(|process| number(&process["pss_kib"]) > 0), "{shown:#}");
}

/// What the change is worth: the same pages of the same application, imported in each worker and then once in the
/// master.
#[test]
fn what_moving_imports_into_the_master_changed() {
    let scene = Scene::without_collector();
    let pages = ["/", "/json", "/xml", "/sql"];
    let run = |db: &str, options: &[&str], eager: bool| {
        let pid_file = scene.path(format!("{db}.pid"));
        let file = pid_file.display().to_string();
        let options = [options, &["--pid", &file]].concat();
        let start = targets::gunicorn(&scene, &options, eager)?;
        let mut command = alive(&scene, &["run", "--db", db, "--"]);
        command.args(&start.command).envs(start.variables.iter().map(|(name, value)| (*name, value)));
        let mut running = Running::start(&scene, &mut command);
        answers(&mut running, &start, &pid_file);
        for _ in 0..4 {
            ask_twice(&start, &pages);
        }
        running.signal(Signal::SIGTERM);
        let _ = running.end().well();
        Some(())
    };
    if run("before.db", &[], false).is_none() || run("after.db", &["--preload"], true).is_none() {
        return;
    }
    let words = ["diff", "before.db", "after.db"];
    let diff = json(scene.run(alive(&scene, &words).args(["--format", "json"])));
    let program = &diff["programs"][0];
    assert_eq!((&program["before"], &program["after"]), (&"gunicorn".into(), &"gunicorn".into()));
    let loads = &program["late_loads"];
    assert!(number(&loads["gone"]) > 100, "{loads:#}");
    assert!(number(&loads["still"]) + number(&loads["new"]) < 20, "{loads:#}");
    let worker =
        list(&program["roles"]).iter().find(|role| !role["gone"].as_array().is_none_or(Vec::is_empty));
    let worker = worker.unwrap_or_else(|| panic!("{program:#}"));
    let private = |side: &str| number(&worker[side]["memory"]["private_dirty_kib"]);
    assert!(private("after") * 10 < private("before") * 7, "by a third at least: {worker:#}");
    let said = scene.run(&mut alive(&scene, &words)).well().said();
    let first = said.lines().next().unwrap_or_default();
    assert!(first.contains(" late loads gone, ") && first.contains(": private memory per worker "), "{said}");
    eprintln!("{said}");
}
