//! Hostile arguments: every hook answers as the function behind it does, whatever it is given.
//!
//! `programs/fuzz_hooks.c` writes one line for each call that it makes; the same seed makes the same
//! calls.

use std::path::{Path, PathBuf};

use alive_tests::artifacts;
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;
use alive_tests::seeds::seeds;

/// Seeds of an ordinary run.
const SEEDS: u64 = 4;

/// Rounds of a seed. In each, every function is called at least once in each of six places.
const ROUNDS: &str = "12";

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
    for seed in seeds(SEEDS) {
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
