//! What late loads cost: the time that a file takes is its own, and what its thread does afterwards is not.
//!
//! In each language a worker loads `outer`, whose body sleeps, loads `inner`, sleeps again and loads `tail`;
//! then it has done with that, waits for long, and loads `other`. No sleep is ever too short, so every time
//! that is told has a least figure, and none has a most one but where an estimate is bounded.

use std::path::Path;
use std::process::Command;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use serde_json::Value;

/// What each file's body sleeps before it loads another one, in microseconds.
const BODY: u64 = 60_000;

/// Files of a language: name and text. The first one is run.
type Files<'f> = &'f [(&'f str, &'f str)];

/// Runs a program under `alive run`; the one program of its report.
fn report(interpreter: &str, files: Files<'_>) -> (Scene, Value) {
    let scene = Scene::without_collector();
    for (name, text) in files {
        std::fs::write(scene.path(name), text).expect("a file in the scene");
    }
    let mut command: Command = scene.command(&artifacts::built("alive"));
    command.args(["run", "--db", "alive.db", "--format", "json", "--", interpreter]);
    let said = scene.run(command.arg(scene.path(files[0].0))).well().said();
    let mut report: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let programs = report["programs"].as_array_mut().expect("programs");
    assert_eq!(programs.len(), 1, "{said}");
    (scene, programs.remove(0))
}

/// What a file cost by itself.
#[track_caller]
fn own<'r>(program: &'r Value, scene: &Scene, name: &str) -> &'r Value {
    let loads = program["loads"].as_array().expect("loads");
    let path = scene.path(name);
    let load = loads.iter().find(|load| load["path"].as_str().map(Path::new) == Some(&path));
    &load.unwrap_or_else(|| panic!("no load of {} in {program:#}", path.display()))["own"]
}

fn micros(cost: &Value) -> u64 {
    cost["micros"].as_u64().expect("a number")
}

/// The files are called `outer`, `inner`, `tail` and `other`, with an ending.
fn each_file_has_its_own_time(interpreter: &str, ending: &str, files: Files<'_>) {
    let (scene, program) = report(interpreter, files);
    let own = |name: &str| own(&program, &scene, &format!("{name}{ending}"));
    for (name, least) in [("outer", BODY), ("inner", BODY)] {
        let cost = own(name);
        assert_eq!(cost["estimated"], false, "{name}: {program:#}");
        assert!(micros(cost) >= least, "{name}: {cost:#}");
        assert!(cost["cpu_micros"].as_u64() < cost["micros"].as_u64(), "it slept: {cost:#}");
    }
    // The sleep before `other` is nobody's.
    let tail = own("tail");
    assert_eq!(tail["estimated"], true, "nobody saw its end: {tail:#}");
    let findings = program["findings"].as_array().expect("findings");
    let of = |name: &str| {
        let path = scene.path(format!("{name}{ending}"));
        findings.iter().find(|finding| finding["what"].as_str().map(Path::new) == Some(&path))
    };
    let outer = of("outer").unwrap_or_else(|| panic!("outer is no root in {program:#}"));
    assert!(of("other").is_some() && of("inner").is_none() && of("tail").is_none(), "{program:#}");
    assert_eq!(outer["total"]["files"], 3, "{outer:#}");
    assert!(micros(&outer["total"]) >= 2 * BODY, "{outer:#}");
    let sum = ["outer", "inner", "tail"].map(|name| micros(own(name))).iter().sum::<u64>();
    assert_eq!(micros(&outer["total"]), sum, "the total is the sum of its files: {outer:#}");
}

#[test]
fn a_python_module_has_the_time_of_its_body() {
    if !needs::installed("python3", &["/usr/bin/python3"]) {
        return;
    }
    each_file_has_its_own_time(
        "/usr/bin/python3",
        ".py",
        &[
            (
                "app.py",
                "import os, sys, time\n\
                 sys.dont_write_bytecode = True\n\
                 def handle():\n    import outer\n    time.sleep(0.4)\n    import other\n\
                 if os.fork() == 0:\n    handle()\n    os._exit(0)\n\
                 os.wait()\n",
            ),
            ("outer.py", "import time\ntime.sleep(0.06)\nimport inner\ntime.sleep(0.06)\nimport tail\n"),
            ("inner.py", "def unused():\n    pass\n"),
            ("tail.py", "pass\n"),
            ("other.py", "pass\n"),
        ],
    );
}

#[test]
fn a_perl_module_has_the_time_of_its_body() {
    if !needs::installed("perl", &["/usr/bin/perl"]) {
        return;
    }
    each_file_has_its_own_time(
        "/usr/bin/perl",
        ".pm",
        &[
            (
                "app.pl",
                "BEGIN { my $folder = $0; $folder =~ s{/[^/]*$}{}; unshift @INC, $folder }\n\
                 sub handle {\n    require outer;\n    select undef, undef, undef, 0.4;\n    require other;\n}\n\
                 my $worker = fork;\n\
                 if ($worker == 0) { handle(); exit 0 }\n\
                 waitpid $worker, 0;\n",
            ),
            (
                "outer.pm",
                "select undef, undef, undef, 0.06;\nrequire inner;\nselect undef, undef, undef, 0.06;\n\
                 require tail;\n1;\n",
            ),
            ("inner.pm", "sub unused { }\n1;\n"),
            ("tail.pm", "1;\n"),
            ("other.pm", "1;\n"),
        ],
    );
}

#[test]
fn a_ruby_library_has_the_time_of_its_body() {
    if !needs::installed("ruby", &["/usr/bin/ruby"]) {
        return;
    }
    each_file_has_its_own_time(
        "/usr/bin/ruby",
        ".rb",
        &[
            (
                "app.rb",
                "def handle\n  require_relative 'outer'\n  sleep 0.4\n  require_relative 'other'\nend\n\
                 worker = fork do\n  handle\n  exit!(0)\nend\n\
                 Process.wait(worker)\n",
            ),
            ("outer.rb", "sleep 0.06\nrequire_relative 'inner'\nsleep 0.06\nrequire_relative 'tail'\n"),
            ("inner.rb", "def unused; end\n"),
            ("tail.rb", "nil\n"),
            ("other.rb", "nil\n"),
        ],
    );
}

#[test]
fn a_php_file_has_the_time_of_its_body() {
    if !needs::installed("php-cli", &["/usr/bin/php"]) {
        return;
    }
    each_file_has_its_own_time(
        "/usr/bin/php",
        ".php",
        &[
            (
                "app.php",
                "<?php\nfunction handle() {\n    require __DIR__ . '/outer.php';\n    usleep(400000);\n    \
                 require __DIR__ . '/other.php';\n}\n\
                 $worker = pcntl_fork();\n\
                 if ($worker === 0) {\n    handle();\n    exit(0);\n}\n\
                 pcntl_waitpid($worker, $status);\n",
            ),
            (
                "outer.php",
                "<?php\nusleep(60000);\nrequire __DIR__ . '/inner.php';\nusleep(60000);\n\
                 require __DIR__ . '/tail.php';\n",
            ),
            ("inner.php", "<?php\nfunction unused() {\n}\n"),
            ("tail.php", "<?php\n"),
            ("other.php", "<?php\n"),
        ],
    );
}
