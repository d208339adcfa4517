//! Trees of another form than one master and its workers: each load is told of the process that did
//! it, however that process came to be.

use std::time::{Duration, Instant};

use alive_tests::daemon::Daemon;
use alive_tests::expect::Score;
use alive_tests::scene::Scene;
use alive_tests::targets;
use nix::sys::signal::Signal;

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
    assert_eq!(events.missing_by_pid(), seen.unfound, "{}", events.told());
}
