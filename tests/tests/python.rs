//! Python's searches leave no failed call; the interpreter itself tells of them. A test of what
//! Python's import tells belongs here, one of files that are probed for into `search.rs`.

use std::collections::BTreeSet;
use std::path::Path;

use alive_tests::events::Events;
use alive_tests::needs;
use alive_tests::scene::Scene;

const PYTHON: &str = "/usr/bin/python3";

/// Imports of every kind in a forked child: what is never found is said by `missing_*`.
const SCRIPT: &str = r#"
import os, sys
sys.path.insert(0, os.environ["FOLDER"])
pid = os.fork()
if pid == 0:
    import _string, zipimport, colorsys, unittest.mock, xmlrpc.client, decimal, spaces.inside
    for name in ("missing_one", "missing_package.inner", "colorsys.missing_part", "missing_one"):
        try:
            __import__(name)
        except ImportError:
            pass
    import blocked
    import wave
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn run(variables: &[(&str, &str)]) -> Option<(Events, BTreeSet<String>)> {
    if !needs::installed("python3", &[PYTHON]) {
        return None;
    }
    let scene = Scene::start();
    std::fs::create_dir(scene.path("spaces")).expect("a folder without __init__.py is a namespace package");
    std::fs::write(scene.path("spaces/inside.py"), "").expect("a module");
    std::fs::write(
        scene.path("blocked.py"),
        "try:\n    import missing_inside\nexcept ImportError:\n    pass\n",
    )
    .expect("a module");
    let mut command = scene.traced_command(Path::new(PYTHON));
    let _ = scene
        .run(command.args(["-c", SCRIPT]).env("FOLDER", scene.path("")).envs(variables.iter().copied()))
        .well();
    let events = scene.events();
    let missing = events
        .of("missing")
        .map(|event| {
            assert_eq!(event.text("language"), "python", "{}", events.told());
            event.text("name").to_owned()
        })
        .collect();
    Some((events, missing))
}

#[test]
fn exactly_the_modules_that_are_nowhere_are_missing() {
    let Some((events, missing)) = run(&[]) else { return };
    // Built-in, frozen, extension, namespace and ordinary modules were all found. A missing package
    // is missed, and so is what was asked of it.
    let expected = [
        "missing_one",
        "missing_package",
        "missing_package.inner",
        "colorsys.missing_part",
        "missing_inside",
    ];
    let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
    // The standard library has optional modules of its own, which differ from version to version.
    let own: BTreeSet<_> = missing.iter().filter(|name| name.contains("missing")).cloned().collect();
    assert_eq!(own, expected, "{}", events.told());
    for found in [
        "_string",
        "zipimport",
        "colorsys",
        "unittest",
        "unittest.mock",
        "xmlrpc",
        "xmlrpc.client",
        "decimal",
        "_decimal",
        "spaces",
        "spaces.inside",
        "blocked",
        "wave",
    ] {
        assert!(!missing.contains(found), "{found} was found: {}", events.told());
    }
}

#[test]
fn a_name_that_stays_missing_is_told_once() {
    let Some((events, _)) = run(&[]) else { return };
    let told = events.of("missing").filter(|event| event.text("name") == "missing_one").count();
    assert_eq!(told, 1, "{}", events.told());
}

#[test]
fn the_audit_hook_can_be_left_out() {
    let Some((events, missing)) = run(&[("ALIVE_PYTHON_AUDIT", "0")]) else { return };
    assert!(missing.is_empty(), "{missing:?}");
    assert!(events.of("load").next().is_some(), "{}", events.told());
}

/// An interpreter that ends while an import is still open, with destructors that raise events, and
/// interpreters beside the main one: to ask for `sys.modules` then would end the program.
const ENDINGS: &str = r#"
import os, sys
import _xxsubinterpreters as beside
INSIDE = """
import sys
class Late:
    def __del__(self):
        open("/etc/hostname").close()
sys.late = Late()
try:
    import missing_beside
except ImportError:
    pass
"""
pid = os.fork()
if pid == 0:
    for _ in range(3):
        one = beside.create()
        beside.run_string(one, INSIDE)
        beside.destroy(one)
    exec(INSIDE.replace("missing_beside", "missing_last"))
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn an_interpreter_that_ends_with_an_import_open_ends_well() {
    if !needs::installed("python3", &[PYTHON]) {
        return;
    }
    let scene = Scene::start();
    let outcome = scene.run(scene.traced_command(Path::new(PYTHON)).args(["-c", ENDINGS])).well();
    assert_eq!(outcome.said(), "", "no word on standard output or error");
    assert!(scene.events().of("start").next().is_some(), "the shim was not there");
}

/// Python checks every block of memory then, and aborts when one was not allocated as it is freed.
#[test]
fn a_python_that_debugs_its_memory_ends_well() {
    if !needs::installed("python3", &[PYTHON]) {
        return;
    }
    let script =
        "import os, sys\nif os.fork() == 0: sys.exit(0)\nsys.exit(os.waitstatus_to_exitcode(os.wait()[1]))";
    let scene = Scene::start();
    for (variable, value) in
        [("PYTHONMALLOC", "debug"), ("PYTHONMALLOC", "malloc_debug"), ("PYTHONDEVMODE", "1")]
    {
        let mut command = scene.traced_command(Path::new(PYTHON));
        let _ = scene.run(command.args(["-c", script]).env(variable, value)).well();
    }
    for options in [
        &["-X", "dev"][..],
        &["-Xdev"],
        &["-B", "-X", "dev"],
        &["-IXdev"],
        &["-X", "faulthandler", "-X", "dev"],
        &["-W", "error", "-X", "dev"],
    ] {
        let mut command = scene.traced_command(Path::new(PYTHON));
        let _ = scene.run(command.args(options).args(["-c", script])).well();
    }
}
