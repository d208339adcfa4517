//! Taps where a client has it hard: no descriptor is left, a value refuses to be a text, it is called wrongly, in a
//! signal handler, in a thread, in another root directory, with standard error closed, and under an
//! interpreter's strictest rules. Each program is `programs/taps/hard.*`.

use std::path::Path;
use std::process::Command;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use serde_json::Value;

use crate::client;

/// A program, and how it is run; `CLIENT` stands for the folder with the clients.
struct Hard {
    package: &'static str,
    interpreter: &'static str,
    words: &'static [&'static str],
    program: &'static str,
    environment: (&'static str, &'static str),
    /// Each tap that is to be told, once.
    told: &'static [&'static str],
}

const PERL: Hard = Hard {
    package: "perl",
    interpreter: "/usr/bin/perl",
    words: &["-w", "-T", "-ICLIENT/perl"],
    program: "programs/taps/hard.pl",
    environment: ("UNUSED", ""),
    told: &["stubborn", "odd.number", "evaluated", "no.descriptor", "handler", "thread", "jail"],
};

const PYTHON: Hard = Hard {
    package: "python3",
    interpreter: "/usr/bin/python3",
    words: &["-I", "-B", "-W", "error"],
    program: "programs/taps/hard.py",
    environment: ("CLIENT", "CLIENT/python"),
    told: &["stubborn", "named", "no.descriptor", "handler", "thread", "jail"],
};

const RUBY: Hard = Hard {
    package: "ruby",
    interpreter: "/usr/bin/ruby",
    words: &["-w", "--enable=frozen-string-literal", "-ICLIENT/ruby"],
    program: "programs/taps/hard.rb",
    environment: ("UNUSED", ""),
    told: &["stubborn", "braces", "no.descriptor", "handler", "thread", "ractor", "jail"],
};

const PHP: Hard = Hard {
    package: "php-cli",
    interpreter: "/usr/bin/php",
    words: &["-d", "include_path=CLIENT/php", "-d", "error_reporting=-1", "-d", "display_errors=1"],
    program: "programs/taps/hard.php",
    environment: ("UNUSED", ""),
    told: &["stubborn", "wrong", "no.descriptor", "handler", "jail"],
};

const NODE: Hard = Hard {
    package: "nodejs",
    interpreter: "/usr/bin/node",
    words: &["--trace-warnings"],
    program: "programs/taps/hard.js",
    environment: ("NODE_PATH", "CLIENT/node"),
    told: &["stubborn", "thread", "no.descriptor", "handler", "frozen", "exit"],
};

const BASH: Hard = Hard {
    package: "bash",
    interpreter: "/bin/bash",
    words: &[],
    program: "programs/taps/hard.sh",
    environment: ("CLIENT", "CLIENT/shell/alive_tap.sh"),
    told: &["stubborn", "handler", "separators"],
};

const C: Hard = Hard {
    package: "gcc",
    interpreter: "",
    words: &[],
    program: "programs/tap_hard.c",
    environment: ("UNUSED", ""),
    told: &["no.descriptor", "handler", "thread", "jail"],
};

impl Hard {
    /// The program; `None` where its interpreter is missing.
    fn command(&self, scene: &Scene) -> Option<Command> {
        let clients = artifacts::source("../clients").canonicalize().expect("a folder of this repository");
        let filled = |text: &str| text.replace("CLIENT", clients.to_str().expect("named in UTF-8"));
        let mut command = if self.interpreter.is_empty() {
            scene.command(&artifacts::program("tap_hard"))
        } else if needs::installed(self.package, &[self.interpreter]) {
            let mut command = scene.command(Path::new(self.interpreter));
            command.args(self.words.iter().map(|word| filled(word))).arg(artifacts::source(self.program));
            command
        } else {
            return None;
        };
        let jail = scene.path("jail");
        std::fs::create_dir_all(&jail).expect("a folder in the scene");
        command.arg(jail).env(self.environment.0, filled(self.environment.1));
        command.env("ALIVE_ADDR", scene.address().to_string());
        Some(command)
    }

    /// Runs it with standard error open and closed: nothing is said, and each tap is told once.
    #[track_caller]
    fn tells(&self) {
        if !self.interpreter.ends_with("bash") && !needs::root() {
            return;
        }
        for closes in [false, true] {
            let scene = Scene::start();
            let Some(mut command) = self.command(&scene) else { return };
            if closes {
                command = without_standard_error(&scene, &command);
            }
            let outcome = scene.run(&mut command);
            assert_eq!(String::from_utf8_lossy(&outcome.stderr), "", "{}", self.program);
            assert_eq!(outcome.well().said(), "done\n", "{}", self.program);
            for name in self.told {
                let hits = client::pings(&scene, name);
                assert_eq!(hits.len(), 1, "{name} of {}: {hits:?}", self.program);
            }
            assert_eq!(scene.events().of("lost").count(), 0, "{}", scene.events().told());
            if self.told.contains(&"stubborn") {
                let stubborn = client::pings(&scene, "stubborn").remove(0);
                let context = stubborn.member("context");
                assert_eq!((&context["good"], &context["after"]), (&Value::from("1"), &Value::from("2")));
            }
        }
    }
}

/// The same command, started by a shell that has closed standard error.
fn without_standard_error(scene: &Scene, command: &Command) -> Command {
    let mut shell = scene.command(Path::new("/bin/bash"));
    shell.args(["-c", "exec \"$@\" 2>&-", "bash"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn a_tainted_perl_is_told_of_wherever_it_can_be() {
    PERL.tells();
}

#[test]
fn an_isolated_python_is_told_of_wherever_it_can_be() {
    PYTHON.tells();
}

#[test]
fn a_ruby_of_frozen_strings_is_told_of_wherever_it_can_be() {
    RUBY.tells();
}

#[test]
fn a_php_that_throws_every_warning_is_told_of_wherever_it_can_be() {
    PHP.tells();
}

#[test]
fn a_node_with_workers_and_frozen_errors_is_told_of_wherever_it_can_be() {
    NODE.tells();
}

#[test]
fn a_bash_whose_names_are_taken_is_told_of_wherever_it_can_be() {
    BASH.tells();
}

#[test]
fn a_c_program_is_told_of_wherever_it_can_be() {
    C.tells();
}
