//! The program as it is called: what it prints and writes, never how fast anything was.

use std::path::Path;
use std::process::{Command, Output};

fn alive_bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alive-bench"))
        .args(arguments)
        .output()
        .expect("alive-bench was built with this test")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the bench prints UTF-8")
}

fn written(file: &Path) -> serde_json::Value {
    let document = std::fs::read(file).expect("the JSON file was written");
    serde_json::from_slice(&document).expect("it is JSON")
}

#[test]
fn a_row_that_needs_no_library_is_measured_and_one_that_does_says_how_to_build_it() {
    let empty = tempfile::tempdir().expect("a folder");
    let json = empty.path().join("figures.json");
    let folder = empty.path().to_str().expect("a plain path");
    let file = json.to_str().expect("a plain path");
    let done = alive_bench(&["--quick", "--rows", "decode,forks", "--artifacts", folder, "--json", file]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let table = text(&done.stdout);
    assert!(table.starts_with("row "), "{table}");
    assert!(table.contains("libpostfork.so is not there: `cargo xtask bench` builds it"), "{table}");

    let document = written(&json);
    let rows = document["rows"].as_array().expect("rows");
    let (measured, skipped): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row["skipped"].is_null());
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0]["row"], "forks");
    assert_eq!(measured.len(), 3, "two binary events and a text line");
    for row in measured {
        let median = row["figure"]["median"].as_f64().expect("a figure");
        let least = row["least"].as_f64().expect("a figure");
        assert!(0.0 < least && least <= median, "{row}");
    }
}

#[test]
fn a_part_is_named_by_a_word_and_has_the_rows_that_are_its_own() {
    let empty = tempfile::tempdir().expect("a folder");
    let json = empty.path().join("figures.json");
    let folder = empty.path().to_str().expect("a plain path");
    let file = json.to_str().expect("a plain path");
    let done = alive_bench(&["report", "--quick", "--artifacts", folder, "--json", file]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let document = written(&json);
    let rows = document["rows"].as_array().expect("rows");
    let mut names: Vec<_> = rows.iter().map(|row| row["row"].as_str().unwrap_or_default()).collect();
    names.dedup();
    assert_eq!(names, ["million", "wide", "page"]);
}

#[test]
fn an_unknown_row_is_refused_with_the_known_ones() {
    let done = alive_bench(&["--rows", "nonsense"]);
    assert_eq!(done.status.code(), Some(2));
    let said = text(&done.stderr);
    assert!(said.contains("nonsense") && said.contains("parent"), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_fails_the_bench_in_words() {
    let done = alive_bench(&["--quick", "--rows", "decode", "--json", "/nonexistent/figures.json"]);
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    assert!(said.contains("writing /nonexistent/figures.json"), "{said}");
    assert!(text(&done.stdout).contains("decode"), "the table is printed all the same");
}

#[test]
fn each_row_that_needs_a_library_says_that_it_is_not_there_and_the_others_go_on() {
    let empty = tempfile::tempdir().expect("a folder");
    let json = empty.path().join("figures.json");
    let folder = empty.path().to_str().expect("a plain path");
    let file = json.to_str().expect("a plain path");
    let rows = ["startup", "frames", "burst", "instructions"];
    let chosen = rows.join(",");
    let done = alive_bench(&["--quick", "--rows", &chosen, "--artifacts", folder, "--json", file]);
    assert!(done.status.success(), "{}", text(&done.stderr));

    let document = written(&json);
    let skipped = document["rows"].as_array().expect("rows");
    let names: Vec<_> = skipped.iter().map(|row| row["row"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, rows);
    for row in skipped {
        // Of a daemon, the first thing that is missed may be the daemon.
        assert!(row["skipped"].as_str().is_some_and(|why| why.contains("is not there")), "{row}");
    }
}
