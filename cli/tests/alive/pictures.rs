//! `--html` and `--flame`, beside the report that is printed.

use std::fs;

use crate::scene::{Scene, text};

#[test]
fn a_run_leaves_a_page_and_a_flame_graph_beside_its_report() {
    let scene = Scene::new();
    let (page, picture) = (scene.path("report.html"), scene.path("report.svg"));
    let flags = ["--html", page.to_str().unwrap(), "--flame", picture.to_str().unwrap()];
    let output = scene.run(&flags, &["bash", "-c", &scene.report_a_load()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("/srv/late.pm"), "the table is printed all the same");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("/srv/late.pm") && page.contains("<h1 id=\"label-0\">testd</h1>"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let found = page.match_indices(outside).map(|(at, _)| &page[at..at + 40]);
        let strangers: Vec<&str> =
            found.filter(|found| !found.starts_with("http://www.w3.org/2000/svg")).collect();
        assert!(strangers.is_empty(), "the page needs nothing from elsewhere: {strangers:?}");
    }
    let picture = fs::read_to_string(picture).unwrap();
    assert!(picture.contains("<svg") && picture.contains("late.pm"));
}

#[test]
fn folded_stacks_are_lines_of_names_and_a_number() {
    let scene = Scene::new();
    let (db, stacks) = (scene.path("alive.db"), scene.path("stacks.folded"));
    scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &scene.report_a_load()]);
    let flags = ["report", "--db", db.to_str().unwrap(), "--flame", stacks.to_str().unwrap()];
    let output = scene.alive().args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(stacks).unwrap(), "testd;worker;/srv/late.pm 1\n");
}

#[test]
fn a_picture_that_cannot_be_written_or_drawn_is_said_before_anything_is_run() {
    let scene = Scene::new();
    let unknown = scene.run(&["--flame", "stacks.png"], &["true"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("ends in .svg"), "{}", text(&unknown.stderr));
    let db = scene.path("alive.db");
    scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &scene.report_a_load()]);
    let nowhere = scene
        .alive()
        .args(["report", "--db", db.to_str().unwrap(), "--html", "/nowhere/report.html"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(5));
    assert!(text(&nowhere.stderr).contains("cannot write the report to /nowhere/report.html"));
}
