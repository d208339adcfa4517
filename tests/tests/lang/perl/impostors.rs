//! A library that exports what Perl exports: each thing that is not as in Perl turns its lines off, for
//! the reason that there is, and nothing else changes.

use alive_tests::artifacts;
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;

use super::account::{self, Frame};

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

/// What was told of one run.
struct Told {
    wrong: &'static str,
    /// What its start says of the interpreter: language, version, whether its lines are read.
    interpreter: String,
    no_lines: String,
    frames: Vec<Frame>,
}

/// Runs the impostor once with each thing wrong, and without the shim: nothing else may differ. A native
/// stack is told in any case, and no lines of the file that the program itself opens.
#[track_caller]
fn told(all: &[&'static str]) -> Vec<Told> {
    let scene = prepare();
    for wrong in all {
        let (with, without) = (run(&scene, wrong, true), run(&scene, wrong, false));
        assert_eq!(with, without, "{wrong}");
        let _ = with.well();
    }
    let events = scene.events();
    let starts: Vec<_> = events.of("start").collect();
    assert_eq!(starts.len(), all.len(), "{}", events.told());
    let told = all.iter().zip(starts).map(|(wrong, start)| {
        let loads: Vec<_> = events.of("load").filter(|load| load.root() == start.root()).collect();
        let [impostor, program] = loads[..] else { panic!("{wrong}: {} loads", loads.len()) };
        for load in [impostor, program] {
            let addresses = load.member("stack").as_array().map_or(0, Vec::len);
            assert!(load.path().ends_with("late.pl") && addresses > 1, "{wrong}: {}", events.told());
        }
        let lines = account::frames(program).len();
        assert!(lines == 0 && program.text("no_lines").is_empty(), "{wrong}: {}", events.told());
        let interpreter = &start.member("interpreters")[0];
        let word = |key: &str| interpreter[key].as_str().unwrap_or_default().to_owned();
        Told {
            wrong,
            interpreter: format!("{} {} {}", word("language"), word("version"), word("lines")),
            no_lines: impostor.text("no_lines").to_owned(),
            frames: account::frames(impostor),
        }
    });
    told.collect()
}

fn frame(line: u64, function: &str) -> Frame {
    ("impostor.pl".to_owned(), line, function.to_owned())
}

#[test]
fn an_impostor_with_nothing_wrong_is_read() {
    for told in told(&["nothing"]) {
        assert_eq!(told.interpreter, "perl 5.36.0 read");
        assert_eq!(told.frames, [frame(7, "Some::sub"), frame(9, "")]);
    }
}

#[test]
fn another_version_or_build_is_not_read() {
    let expected = [
        ("version", "perl 5.35.0 unknown-version", "unknown-version"),
        ("version of another size", "perl 5.32.0 unknown-build", "unknown-build"),
        ("size", "perl 5.36.0 unknown-build", "unknown-build"),
        ("no interpreter", "perl 5.36.0 read", "not-running"),
    ];
    for (told, (wrong, interpreter, no_lines)) in
        told(&expected.map(|(wrong, ..)| wrong)).iter().zip(expected)
    {
        assert_eq!((told.wrong, told.interpreter.as_str()), (wrong, interpreter));
        assert_eq!((told.no_lines.as_str(), &told.frames[..]), (no_lines, &[][..]), "{wrong}");
    }
}

#[test]
fn memory_that_is_not_as_it_should_be_is_let_be() {
    for told in told(UNEXPECTED) {
        assert_eq!(told.interpreter, "perl 5.36.0 read", "{}", told.wrong);
        assert_eq!((told.no_lines.as_str(), &told.frames[..]), ("unexpected", &[][..]), "{}", told.wrong);
    }
}

#[test]
fn stacks_that_go_in_a_circle_come_to_an_end() {
    for told in told(&["circle of stacks"]) {
        assert_eq!(told.frames.first(), Some(&frame(7, "Some::sub")));
    }
}
