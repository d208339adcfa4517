//! One program in four worlds: without the shim, and with it while nobody listens, while a collector
//! listens, and while a collector is killed half-way. What it did must be the same in all of them.
//!
//! A program says by itself when it is half-way; see `half_way` in `programs/steps.h`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::artifacts;
use crate::events::Events;
use crate::running::{Outcome, Running};
use crate::scene::Scene;

/// How often the sign of a program that is half-way is looked for.
const LOOK: Duration = Duration::from_millis(1);

/// What was the same in all four worlds, and what the collector heard in the one where it lived.
#[derive(Debug)]
pub struct Same {
    /// How the program ended and what it said.
    pub outcome: Outcome,
    /// What was reported while the collector listened.
    pub events: Events,
}

impl Same {
    /// Its standard output as text, when it ended with status 0.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    #[must_use]
    pub fn said(&self) -> String {
        self.outcome.clone().well().said()
    }
}

/// Words of a command line: paths, strings and what else can be one.
#[macro_export]
macro_rules! words {
    ($($word:expr),* $(,)?) => { vec![$(::std::ffi::OsString::from($word)),*] };
}

/// Runs a test program in all four worlds.
///
/// # Panics
/// When it did something else in one of them.
#[track_caller]
#[must_use]
pub fn same_in_every_world(scene: &mut Scene, program: &str, args: Vec<OsString>) -> Same {
    let program = artifacts::program(program);
    same_command_in_every_world(scene, &|scene| {
        let mut command = scene.command(&program);
        command.args(&args);
        command
    })
}

/// Runs any command in all four worlds, with the shim behind whatever it preloads itself.
///
/// # Panics
/// When it did something else in one of them, or never was half-way.
#[track_caller]
#[must_use]
pub fn same_command_in_every_world(scene: &mut Scene, command: &dyn Fn(&Scene) -> Command) -> Same {
    let without = run(scene, &mut command(scene), |_| {});
    scene.stop_collector_if_any();
    let unheard = run(scene, &mut traced(scene, command), |_| {});
    assert_same(&unheard, &without, "while nobody listens");
    scene.start_collector();
    let earlier = scene.events_text().len();
    let mut shimmed = traced(scene, command);
    let heard = run(scene, &mut shimmed, |_| {});
    assert_same(&heard, &without, "while a collector listens");
    let _ = scene.events();
    let events = Events::parse(scene.events_text().get(earlier..).expect("a file that only grows"));
    let mut shimmed = traced(scene, command);
    let deserted = run(scene, &mut shimmed, Scene::kill_collector);
    assert_same(&deserted, &without, "while its collector is killed");
    Same { outcome: without, events }
}

/// Asserts that the shim made no difference, and shows the lines that differ where it did.
#[track_caller]
fn assert_same(with: &Outcome, without: &Outcome, world: &str) {
    for (name, with, without) in
        [("output", &with.stdout, &without.stdout), ("errors", &with.stderr, &without.stderr)]
    {
        let [with, without] = [with, without].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let differs = with.lines().zip(without.lines()).find(|(with, without)| with != without);
        assert_eq!(with, without, "its {name} {world}, first at {differs:?}");
    }
    assert_eq!(with.status, without.status, "its end {world}");
}

/// The command with the shim in front of it.
fn traced(scene: &Scene, command: &dyn Fn(&Scene) -> Command) -> Command {
    let mut command = command(scene);
    let already = command.get_envs().find(|(name, _)| *name == "LD_PRELOAD").and_then(|(_, value)| value);
    let mut preload = already.map(ToOwned::to_owned).unwrap_or_default();
    if !preload.is_empty() {
        preload.push(":");
    }
    preload.push(artifacts::shim());
    command.env("LD_PRELOAD", preload).env("ALIVE_ADDR", scene.address().to_string());
    command
}

/// Runs a command to its end, and does `then` when it is half-way.
#[track_caller]
fn run(scene: &mut Scene, command: &mut Command, then: impl FnOnce(&mut Scene)) -> Outcome {
    // The same name each time: programs see their environment, and its size.
    let half = scene.path("half-way");
    let go = scene.path("half-way.go");
    for stale in [&half, &go] {
        let _ = std::fs::remove_file(stale);
    }
    let mut running = Running::start(scene, command.env("HALF_WAY", &half));
    while !half.exists() {
        assert!(!running.has_ended() || half.exists(), "it never was half-way: {}", running.told());
        std::thread::sleep(LOOK);
    }
    then(scene);
    make_empty(&go);
    running.end()
}

fn make_empty(path: &Path) {
    std::fs::write(path, "").expect("a file in the scene");
}
