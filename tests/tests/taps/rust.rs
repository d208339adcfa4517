//! What a tap of the Rust crate costs where taps are off, counted by callgrind in the build that is shipped.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

const VALGRIND: &str = "/usr/bin/valgrind";

/// What a block of so many calls takes in all: instructions (`Ir`), reads of memory (`Dr`) and others.
fn counted(scene: &Scene, mode: &str, calls: u64) -> HashMap<String, u64> {
    let out = scene.path(format!("{mode}-{calls}.out"));
    let mut command = scene.command(Path::new(VALGRIND));
    command.args(["--tool=callgrind", "--cache-sim=yes", "-q"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(artifacts::built("tap_driver")).args([mode, &calls.to_string()]).env("ALIVE_OFF", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("valgrind starts");
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("the driver reads");
    assert!(child.wait().expect("valgrind ends").success());
    let text = std::fs::read_to_string(&out).expect("callgrind has written");
    let words = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {text}")).split_whitespace().collect::<Vec<_>>()
    };
    let numbers = words("totals:").into_iter().map(|number| number.parse().expect("a number"));
    words("events:").into_iter().map(str::to_owned).zip(numbers).collect()
}

#[test]
fn switched_off_a_tap_is_one_load_and_a_branch() {
    if !needs::installed("valgrind", &[VALGRIND]) {
        return;
    }
    let scene = Scene::without_collector();
    const FEW: u64 = 10_000;
    const MORE: u64 = 20_000;
    let one = |mode: &str, event: &str| {
        let [few, more] = [FEW, MORE].map(|calls| counted(&scene, mode, calls)[event]);
        // What the program does beside differs by the length of what it prints.
        (more.saturating_sub(few) + FEW / 2) / (MORE - FEW)
    };
    for mode in ["once", "each"] {
        let reads = one(mode, "Dr") - one("nothing", "Dr");
        assert_eq!(reads, 1, "{mode}: the state of the taps is all that is read");
        let instructions = one(mode, "Ir") - one("nothing", "Ir");
        assert!(
            (1..=3).contains(&instructions),
            "{mode}: {instructions} instructions to load, compare and branch"
        );
    }
}
