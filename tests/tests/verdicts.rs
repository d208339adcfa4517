//! What the report says should be loaded where, of real daemons that fork in other ways than one master its
//! workers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use alive_tests::daemon::{Start, get};
use alive_tests::events::{Event, Events};
use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs, targets};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Longest time until something has happened in a daemon.
const DEADLINE: Duration = Duration::from_secs(60);

/// A daemon under `alive run`.
struct Run<'a> {
    scene: &'a Scene,
    running: Running,
    start: Start,
}

impl<'a> Run<'a> {
    fn start(scene: &'a Scene, start: Start) -> Self {
        let mut command = scene.command(&artifacts::built("alive"));
        command.args([
            "run",
            "--db",
            "alive.db",
            "--events",
            "events.ndjson",
            "--output",
            "report.txt",
            "--",
        ]);
        command.args(&start.command).envs(start.variables.iter().map(|(name, value)| (name, value)));
        let running = Running::start(scene, &mut command);
        let mut run = Self { scene, running, start };
        run.until("it answers", |run| {
            get(run.start.address, "/").is_ok_and(|answer| answer.contains(" 200"))
        });
        run
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !holds(self) {
            let over = self.running.has_ended() || Instant::now() >= end;
            assert!(!over, "never: {what}; {}", self.running.told());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks for a page by two clients at the same time.
    fn ask_two(&self, page: &str) {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                // A worker that is ending may refuse; what is asked for again is waited for by its effect.
                scope.spawn(|| get(self.start.address, page));
            }
        });
    }

    fn events(&self) -> Events {
        let text = self.scene.events_text();
        // The last line may be half written.
        Events::parse(text.rsplit_once('\n').map_or("", |(whole, _)| whole))
    }

    /// Processes so many forks below the master that loaded a file with this in its path.
    fn loaders(&self, file: &str, depth: u64) -> BTreeSet<u32> {
        let events = self.events();
        let loads = events.of("load").filter(|load| load.number("depth") == depth);
        loads.filter(|load| load.text("path").contains(file)).map(Event::pid).collect()
    }

    /// Sends puma's master a signal that `alive run` does not pass on.
    fn signal_puma(&self, signal: Signal) {
        let told = self.running.told();
        let (_, master) = told.split_once("Master PID: ").expect("puma tells its pid");
        let master = master.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a pid");
        kill(Pid::from_raw(master), signal).expect("the master runs");
    }

    /// The report for programs, after the daemon's end.
    fn end(self) -> (Value, String) {
        self.running.signal(self.start.end);
        let _ = self.running.end();
        let table = std::fs::read_to_string(self.scene.path("report.txt")).expect("a report");
        (report(self.scene), in_one_line(&table))
    }
}

/// A table without its line breaks, which may stand anywhere in a sentence.
fn in_one_line(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn report(scene: &Scene) -> Value {
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(["report", "--db", "alive.db", "--format", "json"]);
    let said = scene.run(&mut command).well().said();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"))
}

/// The finding in a role whose tree has a file with this in its path.
fn finding<'a>(report: &'a Value, role: &str, file: &str) -> &'a Value {
    let programs = report["programs"].as_array().into_iter().flatten();
    let mut findings = programs.flat_map(|program| program["findings"].as_array().into_iter().flatten());
    let is_it = |finding: &&Value| finding["role"] == role && holds(finding, file);
    findings.find(is_it).unwrap_or_else(|| panic!("no finding of {file} in {role}: {:#}", brief(report)))
}

/// Whether a finding, or what it brought, has this in its path.
fn holds(node: &Value, file: &str) -> bool {
    let path = node["what"].as_str().or_else(|| node["path"].as_str());
    path.is_some_and(|path| path.contains(file))
        || node["tree"].as_array().into_iter().flatten().any(|node| holds(node, file))
}

/// A report without its single loads, for a failing test.
fn brief(report: &Value) -> Value {
    let mut report = report.clone();
    for program in report["programs"].as_array_mut().into_iter().flatten() {
        program["loads"] = Value::Null;
    }
    report
}

fn role<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut roles = report["programs"].as_array().into_iter().flatten();
    let roles = roles.find_map(|program| program["roles"].as_array().filter(|roles| roles.len() > 1));
    let mut roles = roles.into_iter().flatten();
    roles.find(|role| role["id"] == id).unwrap_or_else(|| panic!("no role {id}: {:#}", brief(report)))
}

fn is_shared_by(finding: &Value, processes: u64) {
    assert_eq!(finding["verdict"], "already-shared", "{finding:#}");
    assert_eq!(
        (&finding["shared_by"], &finding["load_in"]),
        (&processes.into(), &Value::Null),
        "{finding:#}"
    );
}

fn is_to_load(finding: &Value, load_in: &str, load_before: &str) {
    assert_eq!(finding["verdict"], "preload", "{finding:#}");
    assert_eq!(
        (&finding["load_in"], &finding["load_before"]),
        (&load_in.into(), &load_before.into()),
        "{finding:#}"
    );
    assert_eq!(finding["shared_by"], Value::Null, "{finding:#}");
}

const CONFIG: &str = "/config.ru";
const JSON: &str = "/json.rb";
const LATE: &str = "/abbrev.rb";

/// Worker 0 boots the application and forks worker 1: what it has by then is shared, and what both load when
/// they are asked belongs into the master.
#[test]
fn pumas_worker_0_shares_the_application_and_repeats_what_requests_load() {
    let scene = Scene::without_collector();
    let Some(start) = targets::puma(&scene, "fork_worker\n", false) else { return };
    let mut run = Run::start(&scene, start);
    run.until("both have loaded it", |run| {
        run.ask_two("/json");
        !run.loaders(JSON, 1).is_empty() && !run.loaders(JSON, 2).is_empty()
    });
    let (report, table) = run.end();
    assert_eq!(
        (&role(&report, "forker")["processes"], &role(&report, "worker")["processes"]),
        (&1.into(), &1.into())
    );
    is_shared_by(finding(&report, "forker", CONFIG), 1);
    for id in ["forker", "worker"] {
        is_to_load(finding(&report, id, JSON), "master", "forker");
    }
    assert!(table.contains("in the master, before the fork at cluster.rb:"), "{table}");
    assert!(table.contains("also in the forker"), "{table}");
}

/// At SIGURG the other workers are forked anew from worker 0, with all that it has loaded meanwhile.
#[test]
fn workers_that_puma_forks_anew_share_what_worker_0_has_loaded_meanwhile() {
    let scene = Scene::without_collector();
    let Some(start) = targets::puma(&scene, "fork_worker\n", false) else { return };
    let mut run = Run::start(&scene, start);
    run.until("both have loaded it", |run| {
        run.ask_two("/json");
        !run.loaders(JSON, 1).is_empty() && !run.loaders(JSON, 2).is_empty()
    });
    let before = run.loaders(JSON, 2);
    run.signal_puma(Signal::SIGURG);
    // What worker 0 loads from now on, the new one has not.
    run.until("worker 1 is forked anew", |run| run.running.told().contains("phase: 1"));
    run.until("the new worker has loaded something else", |run| {
        run.ask_two("/json");
        run.ask_two("/late");
        run.loaders(LATE, 2).difference(&before).next().is_some()
    });
    assert_eq!(run.loaders(JSON, 2), before, "the new one has it from worker 0");
    let (report, _) = run.end();
    assert_eq!(role(&report, "worker")["processes"], 2);
    is_shared_by(finding(&report, "forker", CONFIG), 2);
    // Worker 0 and the first of two others: two of three did the work.
    let json = finding(&report, "worker", JSON);
    assert_eq!((&json["workers"], &json["of"]), (&1.into(), &2.into()), "{json:#}");
    is_to_load(json, "master", "forker");
}

/// A worker that is added later is forked from worker 0, too: nothing is to be done.
#[test]
fn a_worker_that_puma_adds_shares_all_that_worker_0_has() {
    let scene = Scene::without_collector();
    let Some(start) = targets::puma(&scene, "workers 1\nfork_worker\n", false) else { return };
    let mut run = Run::start(&scene, start);
    run.until("worker 0 has loaded it", |run| {
        run.ask_two("/json");
        !run.loaders(JSON, 1).is_empty()
    });
    run.signal_puma(Signal::SIGTTIN);
    run.until("worker 1 is there", |run| {
        run.running.told().lines().any(|line| line.contains("Worker 1 (PID:") && line.contains("booted"))
    });
    run.until("the new worker has loaded something else", |run| {
        run.ask_two("/json");
        run.ask_two("/late");
        !run.loaders(LATE, 2).is_empty()
    });
    let (report, table) = run.end();
    is_shared_by(finding(&report, "forker", CONFIG), 1);
    is_shared_by(finding(&report, "forker", JSON), 1);
    assert!(table.contains("from which 1 process was forked"), "{table}");
}

/// What a template of `AnyEvent::Fork` loads is shared by those that are forked from it, and what these load
/// belongs into it.
#[test]
fn what_a_forked_template_loads_is_shared_by_its_pool() {
    let scene = Scene::without_collector();
    let module = "/usr/share/perl5/AnyEvent/Fork.pm";
    if !needs::installed("libanyevent-fork-perl", &["/usr/bin/perl", module]) {
        return;
    }
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(["run", "--db", "alive.db", "--", "/usr/bin/perl"]);
    let script = artifacts::source("daemons/templates/nested.pl");
    let said = scene.run(command.arg(script)).well().said();
    assert!(said.lines().any(|line| line.split_whitespace().count() == 3), "two answers: {said}");

    let report = report(&scene);
    assert_eq!(role(&report, "forker")["parent"], "master");
    assert_eq!(
        (&role(&report, "worker")["parent"], &role(&report, "worker")["processes"]),
        (&"forker".into(), &2.into())
    );
    is_shared_by(finding(&report, "forker", "Digest/SHA.pm"), 2);
    let late = finding(&report, "worker", "Text/Abbrev.pm");
    assert_eq!((&late["workers"], &late["of"]), (&2.into(), &2.into()), "{late:#}");
    is_to_load(late, "forker", "worker");
    assert!(in_one_line(&said).contains("in the forker, before the fork at Serve.pm:"), "{said}");
}

/// One worker at a time, which ends after its work: eight processes are no eight workers.
#[test]
fn a_worker_that_is_renewed_loads_it_again_after_each_respawn() {
    let scene = Scene::without_collector();
    if !needs::installed("perl", &["/usr/bin/perl"]) {
        return;
    }
    let master = r#"
        for (1 .. 8) {
            my $worker = fork // die "fork: $!";
            if (!$worker) { require Text::Abbrev; exit 0 }
            waitpid $worker, 0;
        }
    "#;
    let mut command = scene.command(&artifacts::built("alive"));
    let said =
        scene.run(command.args(["run", "--db", "alive.db", "--", "/usr/bin/perl", "-e", master])).well();
    let report = report(&scene);
    let late = finding(&report, "worker", "Text/Abbrev.pm");
    is_to_load(late, "master", "worker");
    let figures = ["workers", "of", "respawned"].map(|key| late[key].as_u64().unwrap_or_default());
    assert_eq!(figures, [8, 8, 7], "{late:#}");
    let table = in_one_line(&said.said());
    assert!(table.contains("perl: 8 processes loaded "), "no eight workers: {table}");
    assert!(
        table.contains("VERDICT PROCESSES") && table.contains("again after 7 respawns or late starts"),
        "{table}"
    );
}
