//! Hostile arguments: every hook answers as the function behind it does, whatever it is given.
//!
//! `programs/fuzz_hooks.c` writes one line for each call that it makes; the same seed makes the same
//! calls. `ALIVE_FUZZ_SECONDS=600 cargo test -p alive-tests --test fuzz -- --nocapture` goes on for as
//! long, from seed `ALIVE_FUZZ_SEED` on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alive_tests::artifacts;
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;

/// Seeds of an ordinary run.
const SEEDS: u64 = 4;

/// Rounds of a seed. In each, every function is called at least once in each of six places.
const ROUNDS: &str = "12";

/// A number from the environment.
fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value}: give it a number")))
}

/// Seeds, one after the other, until there were enough or the time is over.
fn seeds() -> impl Iterator<Item = u64> {
    let first = from_environment("ALIVE_FUZZ_SEED").unwrap_or(1);
    let until =
        from_environment("ALIVE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    (first..).take_while(move |seed| match until {
        Some(until) => Instant::now() < until,
        None => *seed < first + SEEDS,
    })
}

/// What the program says to one seed, in an empty folder that has the same name each time.
fn transcript(scene: &Scene, library: &Path, seed: u64, traced: bool) -> Outcome {
    let folder = scene.path("hostile");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("what the run before left");
    }
    std::fs::create_dir(&folder).expect("a folder in the scene");
    std::fs::copy(library, folder.join("plain.so")).expect("a library in the scene");
    let mut command = if traced { scene.traced("fuzz_hooks") } else { scene.plain("fuzz_hooks") };
    scene.run(command.args([&seed.to_string(), ROUNDS]).current_dir(folder))
}

/// Runs all seeds, and shows the first line that differs.
fn assert_same_answers(scene: &Scene) {
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let (mut runs, mut calls) = (0, 0);
    for seed in seeds() {
        let without = transcript(scene, &library, seed, false).well();
        let with = transcript(scene, &library, seed, true);
        let (said, wanted) = (with.said(), without.said());
        let differs = wanted.lines().zip(said.lines()).find(|(wanted, said)| wanted != said);
        assert_eq!(differs, None, "seed {seed}: the first is without the shim; {}", with.status);
        assert_eq!(with, without, "seed {seed}");
        runs += 1;
        calls += wanted.lines().count();
    }
    assert!(calls > runs * 1000, "{calls} calls in {runs} runs: the program did not do its work");
    println!("{runs} seeds, {calls} calls, each the same with and without the shim");
}

#[test]
fn hostile_arguments_get_the_same_answers_with_a_collector() {
    let scene = Scene::start();
    assert_same_answers(&scene);
    let events = scene.events();
    let loads: Vec<PathBuf> = events.of("load").map(|load| load.path().to_path_buf()).collect();
    for name in ["text.pm", "plain.so"] {
        assert!(loads.iter().any(|path| path.ends_with(name)), "the hooks went their whole way to {name}");
    }
}

#[test]
fn hostile_arguments_get_the_same_answers_without_a_collector() {
    assert_same_answers(&Scene::without_collector());
}
