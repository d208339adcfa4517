//! One program in several languages, `programs/taps/tap.*`: how to run it, and what its hits must be.

use std::path::Path;
use std::process::Command;

use alive_tests::events::Event;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// How a language runs its program.
pub(crate) struct Client {
    package: &'static str,
    interpreter: &'static str,
    /// Between the interpreter and the program; `CLIENT` stands for the client's folder.
    words: &'static [&'static str],
    environment: (&'static str, &'static str),
    program: &'static str,
    /// What the function with the tap and the one that calls it are called.
    pub(crate) functions: [&'static str; 2],
    /// What the program is called.
    service: &'static str,
}

pub(crate) const PERL: Client = Client {
    package: "perl",
    interpreter: "/usr/bin/perl",
    words: &["-w", "-ICLIENT/perl"],
    environment: ("PERL5OPT", ""),
    program: "programs/taps/tap.pl",
    functions: ["main::total", "main::checkout"],
    service: "tap.pl",
};

pub(crate) const PYTHON: Client = Client {
    package: "python3",
    interpreter: "/usr/bin/python3",
    words: &["-B", "-W", "error"],
    environment: ("PYTHONPATH", "CLIENT/python"),
    program: "programs/taps/tap.py",
    functions: ["total", "checkout"],
    service: "tap.py",
};

pub(crate) const RUBY: Client = Client {
    package: "ruby",
    interpreter: "/usr/bin/ruby",
    words: &["-w", "-ICLIENT/ruby"],
    environment: ("RUBYOPT", ""),
    program: "programs/taps/tap.rb",
    functions: ["total", "checkout"],
    service: "tap.rb",
};

pub(crate) const PHP: Client = Client {
    package: "php-cli",
    interpreter: "/usr/bin/php",
    words: &["-d", "include_path=CLIENT/php", "-d", "error_reporting=-1", "-d", "display_errors=1"],
    environment: ("PHP_INI_SCAN_DIR", ""),
    program: "programs/taps/tap.php",
    functions: ["total", "checkout"],
    service: "tap.php",
};

pub(crate) const NODE: Client = Client {
    package: "nodejs",
    interpreter: "/usr/bin/node",
    words: &[],
    environment: ("NODE_PATH", "CLIENT/node"),
    program: "programs/taps/tap.js",
    functions: ["total", "checkout"],
    service: "tap.js",
};

pub(crate) const BASH: Client = Client {
    package: "bash",
    interpreter: "/bin/bash",
    words: &[],
    environment: ("CLIENT", "CLIENT/shell/alive_tap.sh"),
    program: "programs/taps/tap.sh",
    functions: ["total", "checkout"],
    service: "tap.sh",
};

pub(crate) const C: Client = Client {
    package: "gcc",
    interpreter: "",
    words: &[],
    environment: ("UNUSED", ""),
    program: "programs/tap.c",
    functions: ["total", "checkout"],
    service: "tap",
};

impl Client {
    /// The program in a mode, with the scene's collector as its own; `None` where the interpreter is missing.
    pub(crate) fn command(&self, scene: &Scene, mode: &str) -> Option<Command> {
        let clients = artifacts::source("../clients").canonicalize().expect("a folder of this repository");
        let clients = clients.to_str().expect("named in UTF-8");
        let filled = |text: &str| text.replace("CLIENT", clients);
        let mut command = if self.interpreter.is_empty() {
            // Exported symbols, so that the header finds the caller's name.
            scene.command(&artifacts::program_as("tap", "tap", &["-rdynamic"]))
        } else {
            if !needs::installed(self.package, &[self.interpreter]) {
                return None;
            }
            let mut command = scene.command(Path::new(self.interpreter));
            command.args(self.words.iter().map(|word| filled(word))).arg(artifacts::source(self.program));
            command
        };
        if !self.environment.1.is_empty() {
            command.env(self.environment.0, filled(self.environment.1));
        }
        command.env("ALIVE_ADDR", scene.address().to_string()).arg(mode);
        Some(command)
    }

    /// The line of the program with this comment.
    fn line(&self, comment: &str) -> u64 {
        let source = std::fs::read_to_string(artifacts::source(self.program)).expect("a source");
        let line = source.lines().position(|line| line.contains(comment)).expect("the comment is there");
        u64::try_from(line + 1).expect("a short file")
    }

    /// Runs it to its end: it must say nothing but that it is done.
    #[track_caller]
    fn run(&self, scene: &Scene, command: &mut Command) {
        let outcome = scene.run(command).well();
        assert_eq!(outcome.said(), "done\n", "{}", self.program);
        assert_eq!(String::from_utf8_lossy(&outcome.stderr), "", "{}", self.program);
    }
}

/// Hits of a tap that arrived.
#[track_caller]
pub(crate) fn pings(scene: &Scene, name: &str) -> Vec<Event> {
    scene.events().of("ping").filter(|ping| ping.text("name") == name).cloned().collect()
}

pub(crate) fn a_hit_tells_its_place_and_its_caller_once(client: &Client) {
    let scene = Scene::start();
    let Some(mut command) = client.command(&scene, "once") else { return };
    client.run(&scene, &mut command);
    let hits = pings(&scene, "checkout.legacy");
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    let place = hit.member("caller");
    assert!(place["file"].as_str().is_some_and(|file| client.program.ends_with(base(file))), "{hit:?}");
    assert_eq!(place["line"], client.line("the tap"), "{hit:?}");
    assert!(place["function"].as_str().is_some_and(|name| name.ends_with(client.functions[0])), "{hit:?}");
    let caller = hit.text("called_by");
    assert!(caller.contains(client.functions[1]), "{hit:?}");
    if client.interpreter.is_empty() {
        assert!(caller.starts_with("tap checkout+0x"), "{hit:?}");
    } else {
        assert!(caller.contains(&format!(":{} ", client.line("the call"))), "{hit:?}");
        assert_eq!(hit.member("context")["order"], "17", "{hit:?}");
    }
    assert_eq!(hit.text("service"), client.service, "{hit:?}");
    assert!(!hit.text("host").is_empty() && hit.pid() > 1, "{hit:?}");
    assert_eq!(pings(&scene, "every.time").len(), 3);
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

pub(crate) fn nobody_listens_and_nothing_happens(client: &Client) {
    let scene = Scene::without_collector();
    // Also where the address is none, or needs a look-up.
    for address in [scene.address().to_string(), "nonsense".to_owned(), "localhost:99999".to_owned()] {
        for mode in ["once", "odd"] {
            let Some(mut command) = client.command(&scene, mode) else { return };
            client.run(&scene, command.env("ALIVE_ADDR", &address));
        }
    }
}

pub(crate) fn switched_off_it_sends_nothing(client: &Client) {
    let scene = Scene::start();
    for (off, hits) in [("1", 0), ("yes", 0), ("0", 1), ("", 2)] {
        let Some(mut command) = client.command(&scene, "once") else { return };
        client.run(&scene, command.env("ALIVE_OFF", off));
        assert_eq!(pings(&scene, "checkout.legacy").len(), hits, "ALIVE_OFF={off}");
    }
}

pub(crate) fn a_forked_child_is_another_process(client: &Client) {
    let scene = Scene::start();
    let Some(mut command) = client.command(&scene, "fork") else { return };
    client.run(&scene, &mut command);
    let hits = pings(&scene, "checkout.legacy");
    let [parent, child] = hits.as_slice() else { panic!("{hits:?}") };
    assert_ne!(parent.pid(), child.pid());
    assert_eq!(parent.member("caller"), child.member("caller"));
}

pub(crate) fn odd_names_and_long_values_arrive_cut_and_whole_lines(client: &Client) {
    let scene = Scene::start();
    let Some(mut command) = client.command(&scene, "odd") else { return };
    client.run(&scene, command.env("ALIVE_NAME", "od\td"));
    let events = scene.events();
    let mine: Vec<&Event> = events.of("ping").filter(|ping| ping.text("service") == "od\td").collect();
    let named = |begins: &str| -> Vec<&Event> {
        mine.iter().copied().filter(|ping| ping.text("name").starts_with(begins)).collect()
    };
    let odd = named("odd \t\n\u{1b}[31m");
    let [odd] = odd.as_slice() else { panic!("{}", events.told()) };
    assert!(odd.text("name").ends_with("%="), "{odd:?}");
    if let Some(context) = odd.member("context").as_object() {
        assert_eq!(context["after"], "still", "{odd:?}");
        let long = context["k\ney"].as_str().map_or(0, str::len);
        assert!((200..=300).contains(&long), "{long} bytes in {odd:?}");
    } else {
        assert!(client.interpreter.is_empty(), "only the header takes no context: {odd:?}");
    }
    // The shell's is made of zeros.
    let long: Vec<_> = mine.iter().filter(|ping| ping.text("name").len() >= 200).collect();
    let [long] = long.as_slice() else { panic!("{}", events.told()) };
    assert_eq!(long.text("name").len(), 255, "{long:?}");
    assert!(!long.member("caller")["file"].as_str().unwrap_or_default().is_empty(), "{long:?}");
    scene_lost_nothing(&events);
}

/// No line was refused.
#[track_caller]
fn scene_lost_nothing(events: &alive_tests::events::Events) {
    assert_eq!(events.of("lost").count(), 0, "{}", events.told());
}
