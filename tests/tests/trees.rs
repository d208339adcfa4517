//! Trees of another form than one master and its workers: each load is told of the process that did
//! it, however that process came to be.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use alive_tests::daemon::{Daemon, STRACE};
use alive_tests::expect::Score;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs, oracle, strace, targets, unfound};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Longest time until workers were forked anew.
const DEADLINE: Duration = Duration::from_secs(60);

/// puma forks its further workers from the first one, and at SIGURG all of them anew.
#[test]
fn puma_whose_workers_are_forked_from_a_worker() {
    let scene = Scene::start();
    let Some(start) = targets::puma(&scene, "fork_worker\n", false) else { return };
    let daemon = Daemon::start(&scene, start);
    let pages = ["/", "/json", "/erb", "/native", "/auto", "/late", "/optional"];
    let ask = || {
        for _ in 0..4 {
            daemon.ask_all(&pages);
        }
    };
    ask();
    daemon.signal(Signal::SIGURG);
    let until = Instant::now() + DEADLINE;
    let is_new = |line: &str| line.contains("booted in") && line.ends_with("phase: 1");
    while !daemon.told().lines().any(is_new) {
        assert!(Instant::now() < until, "no worker was forked anew: {}", daemon.told());
        std::thread::sleep(Duration::from_millis(50));
    }
    ask();
    let seen = daemon.stop();
    let events = scene.events();
    Score::new(&seen.loads, &events.loaded_by_pid()).assert_exact("puma fork_worker");
    assert!(events.of("load").any(|load| load.number("depth") == 2), "{}", events.told());
    for load in events.of("load") {
        let forker = seen.forkers.get(&load.pid()).copied().unwrap_or_default();
        let depth = if forker == seen.main { 1 } else { 2 };
        assert_eq!((load.number("ppid"), load.number("depth")), (forker.into(), depth), "{}", events.told());
    }
    assert_eq!(events.missing_by_pid(|_| true), seen.unfound, "{}", events.told());
}

/// A template process is executed and loads in time; what is forked from it loads late, and the
/// template is the root of a tree of its own.
#[test]
fn processes_that_are_forked_from_a_template() {
    let scene = Scene::start();
    let module = "/usr/share/perl5/AnyEvent/Fork.pm";
    if !needs::installed("strace libanyevent-fork-perl", &[STRACE, "/usr/bin/perl", module]) {
        return;
    }
    let work = "package Pool; sub work { require Text::Abbrev; require Storable; syswrite $_[0], \"$$ \" } 1";
    let log = scene.path("pool.strace");
    let (shim, collector) = (artifacts::shim(), scene.address().to_string());
    let variables = [("LD_PRELOAD", shim.as_os_str()), ("ALIVE_ADDR", OsStr::new(&collector))];
    let mut command = scene.command(Path::new(STRACE));
    command.args(strace::arguments(&log, &variables)).arg("/usr/bin/perl");
    command.arg(artifacts::source("daemons/templates/pool.pl")).arg(work);
    let said = scene.run(&mut command).well().said();
    let pids: Vec<u32> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(pids.len(), 2, "{said}");

    let calls = strace::calls(&std::fs::read_to_string(&log).expect("strace writes ASCII"));
    let events = scene.events();
    let told = events.loaded_by_pid();
    Score::new(&oracle::late_loads(&calls), &told).assert_exact("AnyEvent::Fork");
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), pids.iter().copied().collect());
    let forkers = oracle::forkers(&calls);
    for load in events.of("load") {
        let template = u64::from(forkers[&load.pid()]);
        assert_eq!((load.root().0, load.number("depth")), (template, 1), "{}", events.told());
    }
    assert_eq!(events.missing_by_pid(|_| true), unfound::names(&calls), "{}", events.told());
}

/// sshd executes itself for each connection and forks a child that is locked up, by a chroot and a
/// seccomp filter, until somebody has logged in. It must live, and nothing may be told of others.
#[test]
fn children_of_sshd_that_are_locked_up() {
    let mut scene = Scene::start();
    let Some(start) = targets::sshd(&scene) else { return };
    let daemon = Daemon::start(&scene, start);
    let port = daemon.address().port().to_string();
    let public = std::fs::read_to_string(scene.path("host_key.pub")).expect("the key");
    let public = public.split(' ').nth(1).expect("a key in base64");
    for _ in 0..3 {
        let mut client = scene.command(Path::new("/usr/bin/ssh-keyscan"));
        let said = scene.run(client.args(["-t", "ed25519", "-p", &port, "127.0.0.1"])).well().said();
        assert!(said.contains(public), "the key exchange failed: {said}; {}", daemon.told());
    }
    let seen = daemon.stop();
    let events = scene.events();
    let score = Score::new(&seen.loads, &events.loaded_by_pid());
    println!("sshd: {} files loaded late, {} told", score.right + score.missed.len(), score.right);
    assert_eq!((score.wrong, score.missed), (vec![], vec![]), "{}", events.told());
    assert!(events.of("start").count() > 3, "every connection executes sshd: {}", events.told());
    assert_eq!(events.missing_by_pid(|_| true), seen.unfound, "{}", events.told());

    scene.stop_collector();
    let mut report = scene.command(&artifacts::built("alive"));
    let said = scene.run(report.args(["report", "--db", "alive.db", "--format", "json"])).well().said();
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"));
    let executed = report["programs"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|program| program["executed"].as_array().cloned().unwrap_or_default());
    let itself: Vec<Value> = executed.filter(|run| run["executable"] == "/usr/sbin/sshd").collect();
    let [itself] = &itself[..] else { panic!("not one row for sshd: {itself:?} in {report:#}") };
    assert!(itself["runs"].as_u64() >= Some(3), "each connection executes it: {itself}");
    assert_eq!(itself["again_and_again"], true, "{itself}");
}
