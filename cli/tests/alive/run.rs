//! What `alive run` does around a command that it traces. Refusals belong into `target.rs`,
//! signals into `signals.rs`.

use std::fs;

use crate::scene::{Scene, text, until, wait};
use crate::terminal::Terminal;

#[test]
fn the_status_of_the_command_is_passed_on() {
    let scene = Scene::new();
    assert_eq!(scene.run(&[], &["sh", "-c", "exit 0"]).status.code(), Some(0));
    assert_eq!(scene.run(&[], &["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(scene.run(&[], &["sh", "-c", "kill -KILL $$"]).status.code(), Some(128 + 9));
}

#[test]
fn an_existing_ld_preload_stays_behind_ours() {
    let scene = Scene::new();
    let other = scene.path("other.so");
    fs::copy(&scene.shim, &other).unwrap();
    let output = scene
        .alive()
        .env("LD_PRELOAD", &other)
        .args(["run", "--", "sh", "-c", "echo $LD_PRELOAD; cat /proc/self/maps"])
        .output()
        .unwrap();
    let out = text(&output.stdout);
    let expected = format!("{}:{}", scene.shim.display(), other.display());
    assert_eq!(out.lines().next(), Some(expected.as_str()));
    for library in [&scene.shim, &other] {
        assert!(out.contains(library.to_str().unwrap()), "{} is mapped:\n{out}", library.display());
    }
}

#[test]
fn the_command_learns_where_to_report_and_under_which_name() {
    let scene = Scene::new();
    let output = scene.run(&["--name", "my service"], &["sh", "-c", "echo $ALIVE_ADDR; echo $ALIVE_NAME"]);
    let out = text(&output.stdout);
    let mut lines = out.lines();
    let port = lines.next().unwrap().strip_prefix("127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().unwrap() > 0);
    assert_eq!(lines.next(), Some("my service"));
}

#[test]
fn the_report_follows_the_commands_own_output() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let output = scene.run(&[], &["bash", "-c", &format!("echo mine; {send}; exit 5")]);
    let out = text(&output.stdout);
    assert!(out.starts_with("mine\n"), "{out}");
    assert!(out.contains("testd: at least 1 of 2 workers loaded 1 file"), "{out}");
    assert!(out.contains("preload") && out.contains("/srv/late.pm"), "{out}");
    assert_eq!(output.status.code(), Some(5), "late loads are no failure unless asked for");
    assert_eq!(text(&output.stderr), "", "no live line where nobody looks");
}

#[test]
fn json_is_the_last_thing_on_standard_output() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let output = scene.run(&["--format", "json"], &["bash", "-c", &format!("echo mine; {send}")]);
    let out = text(&output.stdout);
    let document: serde_json::Value = serde_json::from_str(out.strip_prefix("mine\n").unwrap()).unwrap();
    let program = &document["programs"][0];
    assert_eq!(program["program"], "testd");
    assert_eq!(program["findings"][0]["what"], "/srv/late.pm");
    assert_eq!(program["findings"][0]["workers"], 1);
    assert_eq!(program["findings"][0]["of"], 2);
}

#[test]
fn a_report_goes_to_a_file_on_demand() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let file = scene.path("report.json");
    let flags = ["--format", "json", "--output", file.to_str().unwrap()];
    let output = scene.run(&flags, &["bash", "-c", &send]);
    assert_eq!(text(&output.stdout), "");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(document["format"], 1);
}

#[test]
fn fail_on_late_tells_a_script_of_late_loads() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    assert_eq!(scene.run(&["--fail-on-late"], &["bash", "-c", &send]).status.code(), Some(3));
    assert_eq!(scene.run(&["--fail-on-late"], &["sh", "-c", "exit 6"]).status.code(), Some(6));
}

#[test]
fn nothing_is_left_behind_unless_asked_for() {
    let scene = Scene::new();
    let before = entries(&scene);
    let send = scene.report_a_load();
    scene.run(&[], &["bash", "-c", &send]);
    let mut after = entries(&scene);
    after.retain(|name| name != "load.datagram");
    assert_eq!(after, before);

    let db = scene.path("kept.db");
    scene.run(&["--db", db.to_str().unwrap()], &["bash", "-c", &send]);
    let output = scene.alive().args(["report", "--db"]).arg(&db).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("/srv/late.pm"));
}

fn entries(scene: &Scene) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_earlier_run_in_the_same_database_is_not_held_against_this_one() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let db = scene.path("kept.db");
    let flags = ["--fail-on-late", "--db", db.to_str().unwrap()];
    assert_eq!(scene.run(&flags, &["bash", "-c", &send]).status.code(), Some(3));
    assert_eq!(scene.run(&flags, &["true"]).status.code(), Some(0));
}

#[test]
fn a_command_without_the_library_in_it_is_said_to_be_silent() {
    let scene = Scene::new();
    let output = scene.run(&[], &["true"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("nothing was reported"), "{}", text(&output.stderr));
}

#[test]
fn processes_left_in_the_background_are_mentioned() {
    let scene = Scene::new();
    let output = scene.run(&[], &["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"]);
    let pid = text(&output.stdout).lines().next().unwrap().to_owned();
    let killed = std::process::Command::new("kill").arg(&pid).status().unwrap();
    assert!(killed.success(), "alive must not have ended it");
    let err = text(&output.stderr);
    assert!(err.contains("live on") && err.contains("--follow"), "{err}");
}

#[test]
fn with_follow_the_background_is_waited_for() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    // Longer than alive would stay by itself.
    let late = format!("(sleep 3; {send}) >/dev/null 2>&1 &");
    let output = scene.run(&["--follow", "--fail-on-late"], &["bash", "-c", &late]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let scene = Scene::new();
    let mut child = scene
        .alive()
        .args(["run", "--", "sh", "-c", "exec >&-; sleep 1"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = wait(child);
    assert!(!text(&output.stderr).contains("cannot write"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_terminal_gets_a_live_line_that_is_gone_before_the_report() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let go = scene.path("go");
    let wait = format!("until [ -e {} ]; do sleep 0.02; done", go.display());
    let command = scene.script("daemon", &format!("#!/bin/bash\n{send}\n{wait}\n"));
    let mut alive = scene.alive();
    alive.env("TERM", "xterm");
    let mut terminal = Terminal::run(&alive, &["run", "--", command.to_str().unwrap()]);
    terminal.until_shown("alive: 1 late loads");
    fs::write(go, "").unwrap();
    terminal.until_shown("testd");
    let out = terminal.shown();
    let line = out.find("alive: 1 late loads").unwrap();
    let report = out.find("testd").unwrap();
    let between = out.get(line..report).unwrap_or_else(|| panic!("the report came first: {out:?}"));
    assert!(between.contains("\u{1b}[2K") || between.contains("\r\u{1b}[K"), "{out:?}");
    assert!(terminal.ended_well());
}

#[test]
fn the_database_of_a_run_is_private() {
    let scene = Scene::new();
    let look = format!("stat -c %a {}/alive-*", scene.folder.path().display());
    let output = scene.run(&[], &["sh", "-c", &look]);
    assert_eq!(text(&output.stdout).lines().next(), Some("700"));
    until("the folder is gone", || !entries(&scene).iter().any(|name| name.starts_with("alive-")));
}

#[test]
fn what_is_written_for_programs_obeys_the_schemas() {
    let scene = Scene::new();
    let send = scene.report_a_load();
    let events = scene.path("events.ndjson");
    let flags = ["--format", "json", "--events", events.to_str().unwrap()];
    let output = scene.run(&flags, &["bash", "-c", &format!("{send}; {}", ping())]);

    let lines = fs::read_to_string(events).unwrap();
    let schema = validator(include_str!("../../../docs/schema/events.schema.json"));
    let mut kinds = Vec::new();
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(schema.is_valid(&event), "{:?}: {line}", schema.validate(&event));
        kinds.push(event["event"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains(&"load".to_owned()) && kinds.contains(&"ping".to_owned()), "{kinds:?}");

    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = validator(include_str!("../../../docs/schema/report.schema.json"));
    assert!(schema.is_valid(&report), "{:?}", schema.validate(&report));
}

fn validator(schema: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// The wiretap in one line of shell.
fn ping() -> &'static str {
    "printf 'alive1\\tping\\tname=tap\\tfile=cart.pl\\tline=42\\n' > /dev/udp/127.0.0.1/${ALIVE_ADDR##*:}"
}

#[test]
fn no_descriptor_of_alive_reaches_the_command() {
    let scene = Scene::new();
    let list = ["sh", "-c", "ls /proc/$$/fd"];
    let plain = std::process::Command::new(list[0]).args(&list[1..]).output().unwrap();
    let traced = scene.run(&["--output", "/dev/null"], &list);
    assert_eq!(text(&traced.stdout), text(&plain.stdout));
}
