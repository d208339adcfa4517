//! The guide to a gate against new late loads, carried out as it stands there.

use std::path::Path;
use std::process::ExitStatus;

use alive_tests::daemon::free_address;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// What stands in the guide between the marks of a block of shell.
fn script() -> String {
    let path = artifacts::source("../docs/guides/ci.md");
    let guide = std::fs::read_to_string(path).expect("the guide");
    let (_, behind) = guide.split_once("```sh\n").expect("a block of shell");
    let (script, rest) = behind.split_once("```").expect("the end of the block");
    assert!(rest.contains("sh ci/late-loads.sh --write\n"), "the guide says how to make the baseline");
    assert!(rest.contains("run: sh ci/late-loads.sh\n"), "the workflow runs the script");
    script.to_owned()
}

/// Runs the script in the scene as the guide says.
fn late_loads(scene: &Scene, flags: &[&str]) -> (ExitStatus, String) {
    let mut command = scene.command(Path::new("/bin/sh"));
    let alive = artifacts::built("alive");
    let folder = alive.parent().expect("a file lies in a folder").display();
    command.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
    command.env("PORT", free_address().port().to_string());
    let ran = scene.run(command.arg("ci/late-loads.sh").args(flags));
    (ran.status, format!("{}{}", ran.said(), String::from_utf8_lossy(&ran.stderr)))
}

#[test]
fn the_guides_script_makes_a_baseline_keeps_to_it_and_fails_on_what_is_new() {
    let _ = artifacts::shim();
    if !needs::installed("perl curl", &["/usr/bin/perl", "/usr/bin/curl"]) {
        return;
    }
    let scene = Scene::without_collector();
    std::fs::create_dir(scene.path("ci")).expect("a folder in the scene");
    std::fs::write(scene.path("ci/late-loads.sh"), script()).expect("a file in the scene");
    std::os::unix::fs::symlink(artifacts::source("../demo"), scene.path("demo"))
        .expect("a link in the scene");

    let (status, said) = late_loads(&scene, &["--write"]);
    assert_eq!(status.code(), Some(0), "{said}");
    let baseline = std::fs::read_to_string(scene.path("late-loads.txt")).expect("a baseline");
    let is_sha = |line: &&str| line.ends_with("/Digest/SHA.pm");
    assert_eq!(baseline.lines().filter(is_sha).count(), 1, "{baseline}");

    let (status, said) = late_loads(&scene, &[]);
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains(" accepted, 0 new"), "{said}");

    let less: Vec<&str> = baseline.lines().filter(|line| !is_sha(line)).collect();
    std::fs::write(scene.path("late-loads.txt"), less.join("\n")).expect("a file in the scene");
    let (status, said) = late_loads(&scene, &[]);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("+ lazyd, ") && line.ends_with("/Digest/SHA.pm")),
        "{said}"
    );
    assert!(said.contains("load it in the master, before the fork at "), "{said}");
}
