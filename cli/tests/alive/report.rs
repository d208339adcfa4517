//! `alive report` on databases that cannot be read or hold nothing: a sentence and a status.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::scene::{Scene, text};

fn report(scene: &Scene, db: &Path, flags: &[&str]) -> Output {
    scene.alive().args(["report", "--db"]).arg(db).args(flags).output().unwrap()
}

#[track_caller]
fn assert_said(output: &Output, status: i32, words: &[&str]) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{err}");
    for word in words {
        assert!(err.contains(word), "{word:?} is not in: {err}");
    }
    assert_eq!(err.lines().count(), 1, "one sentence: {err}");
    assert_eq!(text(&output.stdout), "");
}

/// A database with one late load of the program `testd`.
fn stored(scene: &Scene) -> std::path::PathBuf {
    let db = scene.path("alive.db");
    let send = scene.report_a_load();
    let output = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &send]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    db
}

#[test]
fn a_missing_database_is_no_data() {
    let scene = Scene::new();
    let by_name = report(&scene, Path::new("/nowhere/alive.db"), &[]);
    assert_said(&by_name, 4, &["no database at /nowhere/alive.db", "--db"]);
    let default = scene.alive().arg("report").output().unwrap();
    let place = scene.path("alive/alive.db");
    assert_said(&default, 4, &[place.to_str().unwrap()]);
}

#[test]
fn a_database_without_any_event_says_what_to_check() {
    let scene = Scene::new();
    let db = scene.path("empty.db");
    scene.run(&["--db", db.to_str().unwrap()], &["true"]);
    assert_said(&report(&scene, &db, &[]), 4, &["no late load was reported", "LD_PRELOAD", "ALIVE_ADDR"]);
}

#[test]
fn a_file_that_is_not_ours_is_an_error_of_the_environment() {
    let scene = Scene::new();
    let file = scene.path("text\u{1b}[31m.db");
    fs::write(&file, "this is no database, and long enough to be seen as none ".repeat(40)).unwrap();
    let output = report(&scene, &file, &[]);
    assert_said(&output, 5, &["is not a database", "text\\x1b[31m.db"]);
    assert!(!text(&output.stderr).contains('\u{1b}'), "a file name does not reach the terminal raw");
}

#[test]
fn a_program_that_is_not_there_is_answered_with_those_that_are() {
    let scene = Scene::new();
    let db = stored(&scene);
    assert_said(&report(&scene, &db, &["--program", "other"]), 4, &["no program other", "it knows testd"]);
    let found = report(&scene, &db, &["--program", "testd", "--format", "json"]);
    assert_eq!(found.status.code(), Some(0));
    let document: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(document["programs"][0]["program"], "testd");
}

#[test]
fn since_leaves_out_what_was_seen_before() {
    let scene = Scene::new();
    let db = stored(&scene);
    let recent = report(&scene, &db, &["--since", "1h"]);
    assert!(text(&recent.stdout).contains("/srv/late.pm"));
    let future = report(&scene, &db, &["--since", "2999-01-01"]);
    assert_eq!(future.status.code(), Some(0), "{}", text(&future.stderr));
    assert!(text(&future.stdout).contains("loaded nothing after the fork"), "{}", text(&future.stdout));
}

#[test]
fn a_database_of_taps_alone_is_reported_and_judged_by_nobody() {
    let scene = Scene::new();
    let db = scene.path("taps.db");
    let send = r"printf 'alive1\tping\tname=checkout.legacy\n' > /dev/udp/${ALIVE_ADDR%:*}/${ALIVE_ADDR#*:}";
    let ran = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", send]);
    let db_words = format!("--db {}", db.display());
    for (output, command) in [(&ran, "alive taps"), (&report(&scene, &db, &[]), "alive taps")] {
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(out.contains("Taps were hit at 1 place; checkout.legacy is silent for longest"), "{out}");
        assert!(out.contains(&format!("\nNext:\n  {command} {db_words}")), "what to type is told: {out}");
    }
    let listed = scene.alive().args(["taps", "--db"]).arg(&db).output().unwrap();
    let out = text(&listed.stdout);
    assert!(out.contains(&format!("\nNext:\n  alive taps --scan DIR {db_words}")), "{out}");
    assert!(!out.contains('\x1b'), "no colour where there is no terminal: {out}");
    // A gate that has seen no fork does not open.
    let held = scene
        .alive()
        .args(["check", "--write", "--baseline"])
        .arg(scene.path("new"))
        .arg("--db")
        .arg(&db)
        .output();
    assert_said(&held.unwrap(), 4, &["no late load was reported"]);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_none() {
    let scene = Scene::new();
    let db = stored(&scene);
    let unwritable = report(&scene, &db, &["--output", "/nowhere/report"]);
    assert_said(&unwritable, 5, &["cannot write the report to /nowhere/report"]);
    let full = scene
        .alive()
        .args(["report", "--db"])
        .arg(&db)
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_said(&full, 5, &["cannot write the report to standard output"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = scene.alive().args(["report", "--db"]).arg(&db).stdout(writer).output().unwrap();
    assert_said_nothing(&closed);
}

#[track_caller]
fn assert_said_nothing(output: &Output) {
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
