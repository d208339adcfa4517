//! `alive diff` on databases that cannot be compared: a sentence and a status.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::scene::{Scene, text};

fn diff(scene: &Scene, before: &Path, after: &Path, flags: &[&str]) -> Output {
    scene.alive().arg("diff").args([before, after]).args(flags).output().unwrap()
}

#[track_caller]
fn assert_said(output: &Output, status: i32, words: &[&str]) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{err}");
    for word in words {
        assert!(err.contains(word), "{word:?} is not in: {err}");
    }
    assert_eq!((err.lines().count(), text(&output.stdout)), (1, String::new()), "one sentence: {err}");
}

/// A database with one late load of the program `testd`.
fn stored(scene: &Scene, name: &str) -> PathBuf {
    let db = scene.path(name);
    let send = scene.report_a_load();
    let output = scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &send]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    db
}

#[test]
fn a_file_is_not_compared_with_itself() {
    let scene = Scene::new();
    let db = stored(&scene, "alive.db");
    let link = scene.path("link.db");
    std::os::unix::fs::symlink(&db, &link).unwrap();
    for other in [&db, &link] {
        assert_said(&diff(&scene, &db, other, &[]), 2, &["both databases are", "before the change"]);
    }
}

#[test]
fn what_is_missing_or_empty_is_no_data() {
    let scene = Scene::new();
    let (db, empty) = (stored(&scene, "alive.db"), scene.path("empty.db"));
    scene.run(&["--db", empty.to_str().unwrap()], &["true"]);
    assert_said(&diff(&scene, &db, Path::new("/nowhere/b.db"), &[]), 4, &["no database at /nowhere/b.db"]);
    assert_said(&diff(&scene, &db, &empty, &[]), 4, &["empty.db holds nothing", "alive report"]);
    let other = stored(&scene, "other.db");
    let flags = ["--program", "ot\u{1b}her"];
    assert_said(&diff(&scene, &db, &other, &flags), 4, &["nothing of the program ot\\x1bher"]);
}

#[test]
fn what_is_no_database_is_an_error_of_the_environment() {
    let scene = Scene::new();
    let (db, file) = (stored(&scene, "alive.db"), scene.path("text.db"));
    std::fs::write(&file, "this is no database, and long enough to be seen as none ".repeat(40)).unwrap();
    assert_said(&diff(&scene, &file, &db, &[]), 5, &["is not a database"]);
}

#[test]
fn the_same_run_twice_has_nothing_gone_and_nothing_new() {
    let scene = Scene::new();
    let (before, after) = (stored(&scene, "before.db"), stored(&scene, "after.db"));
    let output = diff(&scene, &before, &after, &["--program", "testd"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.starts_with("testd: 0 late loads gone, 0 new, 1 still; "), "{said}");
    assert!(said.contains("/srv/late.pm"), "{said}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = scene.alive().arg("diff").args([&before, &after]).stdout(writer).output().unwrap();
    assert_eq!((closed.status.code(), text(&closed.stderr)), (Some(0), String::new()));
}
