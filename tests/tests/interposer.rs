//! Another preload library beside ours, before it and behind it. It is built with redhook, the way
//! most people write one, hooks open, open64, openat and fopen, and writes what it saw to a file,
//! a line of function and path for each call.

use std::path::Path;

use alive_tests::artifacts;
use alive_tests::scene::Scene;

/// Runs a program under both, in the given order, and asserts that both saw the file.
fn both_see(order: &[&Path]) {
    let scene = Scene::start();
    let log = scene.path("interposer.log");
    for function in ["open", "open64", "openat", "fopen"] {
        let code = scene.file(format!("{function}.pm"));
        let _ = std::fs::remove_file(&log);
        let preload = order.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":");
        let ran = scene
            .run(
                scene
                    .traced("open_family")
                    .env("LD_PRELOAD", preload)
                    .env("INTERPOSER_LOG", &log)
                    .arg(function)
                    .arg(&code),
            )
            .well();
        assert_eq!(ran.said(), "well\n", "{function}");
        let _ = scene.events().the_load_of(&code);
        let theirs = std::fs::read_to_string(&log).unwrap_or_default();
        let line = format!("{function} {}", code.display());
        assert!(theirs.lines().any(|seen| seen == line), "no `{line}` in {theirs}");
    }
}

#[test]
fn ours_before_another_interposer() {
    both_see(&[&artifacts::shim(), &artifacts::built("libalive_interposer.so")]);
}

#[test]
fn ours_behind_another_interposer() {
    both_see(&[&artifacts::built("libalive_interposer.so"), &artifacts::shim()]);
}
