//! A library that exports what Perl exports: each thing that is not as in Perl turns its lines off, for
//! the reason that there is, and nothing else changes.

use alive_tests::artifacts;
use alive_tests::events::{Event, Events};
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;

use super::account;

/// What can be wrong with the impostor once a capture begins.
const UNEXPECTED: &[&str] = &[
    "interpreter",
    "interpreter below the first page",
    "interpreter of no address",
    "statement",
    "file",
    "file without an end",
    "stack",
    "contexts",
    "no contexts",
    "too many contexts",
    "absurdly many contexts",
    "fewer than no contexts",
    "sub",
    "sub of another type",
    "glob of another type",
    "name of absurd length",
    "name without an end",
    "caller outside",
    "caller between two contexts",
    "caller in a block",
];

/// A scene with the impostor and a file for it to open.
fn prepare() -> Scene {
    let scene = Scene::start();
    artifacts::library("impostor_perl", &scene.path("impostor.so"), &[] as &[&str]);
    let _ = scene.file("late.pl");
    scene
}

/// Has the impostor open the file in a forked child, and then the program itself.
fn run(scene: &Scene, wrong: &str, traced: bool) -> Outcome {
    let mut command = if traced { scene.traced("dlopen_through") } else { scene.plain("dlopen_through") };
    command.arg(scene.path("impostor.so")).args(["late.pl", "late.pl"]).env("IMPOSTOR", wrong);
    scene.run(&mut command)
}

/// Runs it with something wrong; the impostor's load, and what START told of its lines and version.
#[track_caller]
fn told(wrong: &str) -> (Events, String) {
    let scene = prepare();
    let (with, without) = (run(&scene, wrong, true), run(&scene, wrong, false));
    assert_eq!(with, without, "{wrong}");
    let _ = with.well();
    let events = scene.events();
    let start = events.of("start").next().unwrap_or_else(|| panic!("{wrong}: {}", events.told()));
    let interpreter = &start.member("interpreters")[0];
    let word = |key: &str| interpreter[key].as_str().unwrap_or_default().to_owned();
    let said = format!("{} {} {}", word("language"), word("version"), word("lines"));
    (events, said)
}

/// The load by the impostor, whose native stack is told in any case; the program's own has no lines.
#[track_caller]
fn load_of<'e>(events: &'e Events, wrong: &str) -> &'e Event {
    let loads: Vec<_> = events.of("load").filter(|load| load.path().ends_with("late.pl")).collect();
    assert_eq!(loads.len(), 2, "{wrong}: {}", events.told());
    for load in &loads {
        let modules = load.member("stack").as_array().map_or(0, Vec::len);
        assert!(modules > 1, "{wrong}: {}", events.told());
    }
    let lines = account::frames(loads[1]).len();
    assert!(lines == 0 && loads[1].text("no_lines").is_empty(), "{wrong}: {}", events.told());
    loads[0]
}

#[test]
fn an_impostor_with_nothing_wrong_is_read() {
    let (events, said) = told("nothing");
    assert_eq!(said, "perl 5.36.0 read");
    let frame = |line, function: &str| ("impostor.pl".to_owned(), line, function.to_owned());
    assert_eq!(account::frames(load_of(&events, "nothing")), [frame(7, "Some::sub"), frame(9, "")]);
}

#[test]
fn another_version_or_build_is_not_read() {
    for (wrong, expected, reason) in [
        ("version", "perl 5.35.0 unknown-version", "unknown-version"),
        ("version of another size", "perl 5.32.0 unknown-build", "unknown-build"),
        ("size", "perl 5.36.0 unknown-build", "unknown-build"),
        ("no interpreter", "perl 5.36.0 read", "not-running"),
    ] {
        let (events, said) = told(wrong);
        assert_eq!(said, expected, "{wrong}");
        let load = load_of(&events, wrong);
        assert_eq!(load.text("no_lines"), reason, "{wrong}: {}", events.told());
        assert_eq!(account::frames(load), [], "{wrong}");
    }
}

#[test]
fn memory_that_is_not_as_it_should_be_is_let_be() {
    for wrong in UNEXPECTED {
        let (events, said) = told(wrong);
        assert_eq!(said, "perl 5.36.0 read", "{wrong}");
        let load = load_of(&events, wrong);
        assert_eq!(load.text("no_lines"), "unexpected", "{wrong}: {}", events.told());
        assert_eq!(account::frames(load), [], "{wrong}");
    }
}

#[test]
fn stacks_that_go_in_a_circle_come_to_an_end() {
    let (events, _) = told("circle of stacks");
    let load = load_of(&events, "circle of stacks");
    let first = ("impostor.pl".to_owned(), 7, "Some::sub".to_owned());
    assert_eq!(account::frames(load).first(), Some(&first), "{}", events.told());
}
