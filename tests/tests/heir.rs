//! A daemon that forks itself into the background is the program still: nothing that it loads there
//! is late. Only what its workers load is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alive_tests::events::{Event, Events};
use alive_tests::running::Running;
use alive_tests::scene::Scene;

/// Longest time until a program in the background has done its work.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `path` has `lines` lines; its text.
#[track_caller]
fn await_lines(path: &Path, lines: usize) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= lines {
            return text;
        }
        assert!(Instant::now() < until, "not done within {DEADLINE:?}: {text:?}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// What came of a program that went into the background.
struct Daemon {
    pid: u32,
    events: Events,
    early: PathBuf,
    late: PathBuf,
}

impl Daemon {
    /// Runs `daemonise` in the way named and waits until its daemon has done everything.
    #[track_caller]
    fn run(how: &str) -> Self {
        let scene = Scene::start();
        let (early, late, done) = (scene.file("early.pm"), scene.file("late.pm"), scene.path("done"));
        // Held until all is done: with the first process goes its process group.
        let running = Running::start(&scene, scene.traced("daemonise").arg(how).args([&done, &early, &late]));
        let text = await_lines(&done, 1);
        let _ = running.end().well();
        let (pid, failed) = text.trim_end().split_once(' ').expect("a pid and a result");
        assert_eq!(failed, "0", "what the daemon did went wrong");
        Self { pid: pid.parse().expect("a pid"), events: scene.events(), early, late }
    }

    /// Asserts that both workers' loads were told, with the depth given, and of one role.
    #[track_caller]
    fn assert_workers(&self, depth: u64) {
        let loads = self.events.loads_of(&self.late);
        let told: Vec<_> = loads.iter().map(|load| (load.number("depth"), load.number("ppid"))).collect();
        assert_eq!(told, [(depth, self.pid.into()); 2], "{}", self.events.told());
        assert_ne!(loads[0].pid(), loads[1].pid(), "{}", self.events.told());
        assert_eq!(loads[0].member("role"), loads[1].member("role"), "{}", self.events.told());
    }

    /// Asserts that the daemon itself loaded nothing late, and that its workers are counted below it.
    #[track_caller]
    fn assert_is_the_main_process(&self) {
        assert!(self.events.loads_of(&self.early).is_empty(), "{}", self.events.told());
        self.assert_workers(1);
        assert_eq!(self.events.of("load").count(), 2, "{}", self.events.told());
    }
}

#[test]
fn a_daemon_that_forked_once_loads_nothing_late() {
    Daemon::run("once").assert_is_the_main_process();
}

#[test]
fn a_daemon_that_forked_twice_loads_nothing_late() {
    Daemon::run("twice").assert_is_the_main_process();
}

#[test]
fn a_helper_that_was_forked_before_changes_nothing() {
    Daemon::run("helper").assert_is_the_main_process();
}

/// The rule is asked before a fork, too: its workers have to know whose workers they are.
#[test]
fn a_daemon_that_forks_its_workers_before_it_loads_anything_loads_nothing_late() {
    Daemon::run("forks").assert_is_the_main_process();
}

/// Nobody can know before the parent left; after that nothing is late any more.
#[test]
fn a_daemon_whose_parent_waits_for_it_loads_late_only_until_the_parent_left() {
    let daemon = Daemon::run("ready");
    let provisional = daemon.events.the_load_of(&daemon.early);
    assert_eq!((provisional.pid(), provisional.number("depth")), (daemon.pid, 1));
    daemon.assert_workers(1);
}

#[test]
fn a_child_whose_parent_stays_is_a_worker_even_in_a_session_of_its_own() {
    let child = Daemon::run("stay");
    let load = child.events.the_load_of(&child.early);
    assert_eq!((load.pid(), load.number("depth")), (child.pid, 1));
    child.assert_workers(2);
}

#[test]
fn the_workers_of_a_master_that_was_killed_stay_workers() {
    let scene = Scene::start();
    let (code, done) = (scene.file("late.pm"), scene.path("done"));
    let master = Running::start(&scene, scene.traced("orphaned_workers").arg("3").args([&done, &code]));
    assert_eq!(await_lines(&done, 3), "loaded\n".repeat(3));
    let ended = master.end();
    assert!(!ended.status.success(), "the master is killed: {}", ended.status);
    let events = scene.events();
    let depths: Vec<_> = events.loads_of(&code).iter().map(|load| load.number("depth")).collect();
    let count = |depth| depths.iter().filter(|&&told| told == depth).count();
    assert_eq!((count(1), count(2), depths.len()), (3, 3, 6), "{}", events.told());
    let roots: Vec<_> = events.of("load").map(Event::root).collect();
    assert!(roots.iter().all(|root| *root == roots[0]), "{}", events.told());
}
