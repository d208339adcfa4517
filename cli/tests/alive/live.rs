//! `alive tail` and `alive report --watch`: what is new is shown, and both end cleanly.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::scene::{Scene, text, until, wait};
use crate::terminal::Terminal;

/// No test waits longer for a line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stores one more load of `/srv/late.pm`, as another run of the daemon does.
fn store(scene: &Scene, db: &Path) {
    let output = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &scene.report_a_load()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// `alive` with these words, its lines as they come.
fn follow(scene: &Scene, words: &[&str], db: &Path) -> (Child, Receiver<String>) {
    let mut child = scene
        .alive()
        .args(words)
        .arg("--db")
        .arg(db)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let out = child.stdout.take().unwrap();
    let told = sender.clone();
    std::thread::spawn(move || {
        BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| told.send(line))
    });
    let err = child.stderr.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(err).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    (child, lines)
}

#[track_caller]
fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(PATIENCE).expect("a line")
}

/// Whether a process has blocked a signal.
fn holds_back(child: &Child, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(blocked.trim(), 16).unwrap() & (1 << (signal as i32 - 1)) != 0
}

/// The next load, as an object. That a database is waited for may be said again where it is made anew.
#[track_caller]
fn next_load(lines: &Receiver<String>) -> serde_json::Value {
    loop {
        let line = next(lines);
        if !line.starts_with("alive: waiting for ") {
            return serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

#[track_caller]
fn end(child: Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    assert_eq!(wait(child).status.code(), Some(0), "{signal} ends it well");
}

fn stored(scene: &Scene) -> PathBuf {
    let db = scene.path("alive.db");
    store(scene, &db);
    db
}

#[test]
fn a_tail_begins_with_the_last_loads_and_goes_on_with_what_is_new() {
    let scene = Scene::new();
    let db = stored(&scene);
    let (child, lines) = follow(&scene, &["tail"], &db);
    let first = next(&lines);
    for word in ["testd/worker", "leave-lazy", "1 of 2", "/srv/late.pm"] {
        assert!(first.contains(word), "{word:?} is not in {first:?}");
    }
    assert!(lines.try_recv().is_err(), "nothing is new yet");
    store_again(&scene, &db, "/srv/second.pm");
    assert!(next(&lines).contains("/srv/second.pm"));
    end(child, Signal::SIGINT);
}

#[test]
fn a_tail_waits_for_a_database_and_follows_a_new_one_in_its_place() {
    let scene = Scene::new();
    let db = scene.path("alive.db");
    let (child, lines) = follow(&scene, &["tail", "--format", "json"], &db);
    let waiting = next(&lines);
    assert!(waiting.contains("waiting for") && waiting.contains("alive.db"), "{waiting}");
    store(&scene, &db);
    let load = next_load(&lines);
    assert_eq!(
        (&load["what"], &load["program"], &load["of"]),
        (&"/srv/late.pm".into(), &"testd".into(), &2.into())
    );
    for name in ["alive.db", "alive.db-wal", "alive.db-shm"] {
        let _ = std::fs::remove_file(scene.path(name));
    }
    store_again(&scene, &db, "/srv/anew.pm");
    let load = next_load(&lines);
    assert_eq!(load["what"], "/srv/anew.pm");
    end(child, Signal::SIGTERM);
}

#[test]
fn a_tail_shows_what_was_asked_for_only() {
    let scene = Scene::new();
    let db = stored(&scene);
    let wanted = ["tail", "--program", "testd", "--role", "worker", "--verdict", "leave-lazy"];
    let (child, lines) = follow(&scene, &wanted, &db);
    assert!(next(&lines).contains("/srv/late.pm"));
    end(child, Signal::SIGINT);
    for unwanted in [["--program", "other"], ["--role", "master"], ["--verdict", "preload"]] {
        let (child, lines) = follow(&scene, &["tail", unwanted[0], unwanted[1]], &db);
        // What ends it waits until it has looked and printed.
        until("it has taken over its signals", || holds_back(&child, Signal::SIGINT));
        end(child, Signal::SIGINT);
        assert_eq!(lines.iter().collect::<Vec<_>>(), [""; 0], "{unwanted:?}");
    }
}

#[test]
fn nobody_reads_any_more_and_both_end_without_a_word() {
    let scene = Scene::new();
    let db = stored(&scene);
    for words in [&["tail"][..], &["report", "--watch", "1"]] {
        let mut command: Command = scene.alive();
        command.args(words).arg("--db").arg(&db).stderr(Stdio::piped());
        let (reader, writer) = std::io::pipe().unwrap();
        let child = command.stdout(writer).spawn().unwrap();
        // The command holds the pipe's other end, too, and would keep it open.
        drop(command);
        drop(reader);
        let output = wait(child);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{words:?}");
    }
}

#[test]
fn a_watched_report_is_written_again_when_there_is_something_new() {
    let scene = Scene::new();
    let db = stored(&scene);
    let (child, lines) = follow(&scene, &["report", "--watch", "1"], &db);
    while !next(&lines).contains("/srv/late.pm") {}
    store_again(&scene, &db, "/srv/second.pm");
    while !next(&lines).contains("/srv/second.pm") {}
    end(child, Signal::SIGINT);
}

#[test]
fn on_a_terminal_a_watched_report_stays_in_its_place_and_ends_on_ctrl_c() {
    let scene = Scene::new();
    let db = stored(&scene);
    let mut terminal =
        Terminal::run(&scene.alive(), &["report", "--watch", "1", "--db", db.to_str().unwrap()]);
    terminal.until_shown("/srv/late.pm");
    assert!(terminal.shown().contains("\x1b[H"), "{:?}", terminal.shown());
    terminal.type_in(b"\x03");
    assert!(terminal.ended_well());
}

fn store_again(scene: &Scene, db: &Path, path: &str) {
    let output = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &scene.report_a_load_of(path)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
