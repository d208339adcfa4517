//! The shim itself: what it exports, what it needs, what it allocates.

use std::path::Path;
use std::process::Command;

use alive_tests::artifacts;
use alive_tests::scene::Scene;

/// The program counts the calls of its own allocator; see `programs/allocations.c`.
#[test]
fn no_hook_allocates() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let library = scene.path("libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let without = scene.run(scene.plain("allocations").args([&code, &library])).well();
    let with = scene.run(scene.traced("allocations").args([&code, &library])).well();
    assert_eq!(with.said(), without.said());
    assert!(with.said().starts_with("open 0\nopen64 0\nopenat 0\n"), "{}", with.said());
    // fopen allocates by itself, so the counter is known to count.
    assert!(
        with.said().lines().any(|line| line.starts_with("fopen ") && line != "fopen 0"),
        "{}",
        with.said()
    );
    let events = scene.events();
    assert!(events.loads_of(&code).len() >= 20, "every hook went its whole way");
    let hits = events.of("ping").filter(|ping| ping.text("name") == "tap").count();
    assert_eq!(hits, 4, "and so did every tap: {}", events.told());
}

#[test]
fn exactly_the_listed_functions_are_exported() {
    let listed = std::fs::read_to_string(artifacts::source("golden/exports.txt")).expect("the golden list");
    let mut exported: Vec<String> = tool("nm", &["-D", "--defined-only"], &artifacts::shim())
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect();
    exported.sort();
    assert_eq!(exported.join("\n") + "\n", listed, "update golden/exports.txt only with a hook's own tests");
}

#[test]
fn the_shim_needs_libc_and_nothing_else() {
    let needed: Vec<String> = tool("readelf", &["-d", "--wide"], &artifacts::shim())
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split(['[', ']']).nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(needed, ["libc.so.6"]);
}

/// What a program of binutils says of a file.
fn tool(name: &str, args: &[&str], file: &Path) -> String {
    let done = Command::new(name).args(args).arg(file).output();
    let done = done.unwrap_or_else(|error| panic!("{name}: {error}; install binutils"));
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("symbols are ASCII")
}
