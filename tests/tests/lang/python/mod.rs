//! Python's lines against what an audit hook of the program's own sees ([`account`]): in programs, in
//! servers ([`servers`]), and in an interpreter that is not the one it says ([`versions`]).

mod account;
mod servers;
mod versions;

use std::path::Path;

use alive_tests::events::{Event, Events};
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

use account::{Account, assert_share, frames};

const PYTHON: &str = "/usr/bin/python3";

/// One of `programs/python` under the shim, run to its end; none when there is no Python.
fn run(scene: &Scene, program: &str) -> Option<Events> {
    if !needs::installed("python3", &[PYTHON]) {
        return None;
    }
    let mut command = scene.traced_command(Path::new(PYTHON));
    command.arg(artifacts::source(&format!("programs/python/{program}")));
    command.env("ACCOUNT", scene.path("account")).env("PYTHONDONTWRITEBYTECODE", "1");
    let _ = scene.run(&mut command).well();
    Some(scene.events())
}

#[test]
fn every_place_that_code_asks_from_is_told_as_python_tells_it() {
    let scene = Scene::start();
    let Some(events) = run(&scene, "asks.py") else { return };
    Account::read(&scene.path("account")).assert_agrees("python, every kind of place", &events, 45);
    assert_share("python, every kind of place", &events);
    let deep = events.the_load_of(&scene.path("modules/of_the_deep.py"));
    let deep = frames(deep);
    assert_eq!(deep.len(), 32, "a deep stack keeps its innermost frames: {deep:?}");
    assert!(deep[0].ends_with(" in deep"), "{deep:?}");
}

#[test]
fn a_module_that_is_nowhere_is_missed_by_the_line_that_imports_it() {
    let scene = Scene::start();
    let Some(events) = run(&scene, "asks.py") else { return };
    let program = artifacts::source("programs/python/asks.py");
    let text = std::fs::read_to_string(&program).expect("the program");
    let line = 1 + text.lines().position(|line| line.contains("import of_nobody")).expect("the line");
    let missing: Vec<&Event> =
        events.of("missing").filter(|event| event.text("name") == "of_nobody").collect();
    let [missing] = missing.as_slice() else { panic!("told {} times", missing.len()) };
    let expected = format!("{}:{line} in everything", program.display());
    assert_eq!(frames(missing).first(), Some(&expected), "{}", events.told());
}

#[test]
fn a_forked_process_is_of_the_line_that_forked() {
    let scene = Scene::start();
    let Some(events) = run(&scene, "asks.py") else { return };
    let text = std::fs::read_to_string(artifacts::source("programs/python/asks.py")).expect("the program");
    let line = 1 + text.lines().position(|line| line.contains("os.fork()")).expect("the line");
    for load in events.of("load") {
        let role = load.text("role");
        assert!(role.contains(&format!("asks.py:{line}")), "{role}");
    }
}

#[test]
fn threads_that_import_at_once_keep_their_own_lines() {
    let scene = Scene::start();
    let Some(events) = run(&scene, "threads.py") else { return };
    Account::read(&scene.path("account")).assert_agrees("python, seven threads", &events, 400);
    assert_share("python, seven threads", &events);
}

#[test]
fn an_interpreter_beside_the_main_one_has_its_own_lines() {
    let scene = Scene::start();
    let Some(events) = run(&scene, "beside.py") else { return };
    let asked = |module: &str| -> Vec<Vec<String>> {
        events.loads_of(&scene.path(format!("modules/{module}.py"))).into_iter().map(frames).collect()
    };
    // Each of three interpreters loads it anew.
    let inside =
        ["inside:5 in ask", "inside:13 in <module>", "<string>:1 in <module>"].map(str::to_owned).to_vec();
    assert_eq!(asked("of_inside"), [inside.clone(), inside.clone(), inside], "{}", events.told());
    let again =
        ["inside:11 in ask", "inside:13 in <module>", "<string>:1 in <module>"].map(str::to_owned).to_vec();
    assert_eq!(asked("of_inside_again"), [again.clone(), again.clone(), again], "{}", events.told());
    let extension = |event: &&Event| event.path().to_string_lossy().contains("/_lsprof.");
    let extension = events.of("load").find(extension).expect("an extension module is loaded");
    assert_eq!(frames(extension)[0], "inside:6 in ask", "{}", events.told());
    let missing = events.of("missing").find(|event| event.text("name") == "of_nobody_inside");
    assert_eq!(frames(missing.expect("it is missing"))[0], "inside:8 in ask", "{}", events.told());
    let [outside] = &asked("of_outside")[..] else { panic!("{}", events.told()) };
    assert!(outside[0].ends_with(" in in_child"), "{outside:?}");
    assert_share("python, interpreters beside the main one", &events);
}
