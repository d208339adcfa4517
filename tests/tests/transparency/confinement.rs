//! Processes that have given something up: system calls, rights, the root directory, the network.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, needs, words};
use serde_json::Value;

/// What the processes of the scene's one program counted instead of sending, by reason.
fn counted(scene: &mut Scene) -> Value {
    scene.stop_collector();
    let mut report = scene.command(&artifacts::built("alive"));
    let said = scene.run(report.args(["report", "--db", "alive.db", "--format", "json"])).well().said();
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"));
    report["programs"][0]["not_sent"].clone()
}

#[test]
fn behind_a_filter_that_kills_the_shim_makes_no_system_call() {
    let mut scene = Scene::without_collector();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    for how in ["prctl", "syscall", "inherited"] {
        let words = words![how, &code, &library, &absent];
        let same = same_in_every_world(&mut scene, "forbidden_calls", words);
        assert_eq!(same.said(), "status 0\n", "{how}");
    }
}

#[test]
fn what_is_loaded_behind_a_filter_is_counted() {
    let mut scene = Scene::start();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    let args = words!["prctl", &code, &library, &absent];
    let _ = scene.run(scene.traced("forbidden_calls").args(args)).well();
    // The one that a process outside the filter loaded, which also brings the count along.
    let _ = scene.events().the_load_of(&code);
    let counted = counted(&mut scene);
    assert!(counted["sandbox"].as_u64() >= Some(6), "{counted}");
}

#[test]
fn behind_a_filter_that_somebody_vouches_for_loads_are_told() {
    let mut scene = Scene::start();
    let code = scene.file("late.pm");
    let behind = |scene: &Scene, told: bool| {
        let mut command = scene.traced("lenient_filter");
        command.arg(artifacts::program("fork")).arg(&code);
        if told {
            command.env("ALIVE_SECCOMP", "allow");
        }
        let _ = scene.run(&mut command).well();
    };
    behind(&scene, false);
    assert_eq!(scene.events().of("load").count(), 0, "which calls a filter kills for cannot be asked");
    behind(&scene, true);
    let _ = scene.events().the_load_of(&code);
    scene.stop_collector();
}

#[test]
fn alive_run_says_that_a_filter_makes_the_library_silent() {
    let scene = Scene::without_collector();
    let run = |value: &str| {
        let mut command = scene.plain("lenient_filter");
        command.arg(artifacts::built("alive")).args(["run", "--", "/bin/true"]);
        command.env("ALIVE_SHIM", artifacts::shim()).env("ALIVE_SECCOMP", value);
        String::from_utf8_lossy(&scene.run(&mut command).well().stderr).into_owned()
    };
    assert!(run("").contains("set ALIVE_SECCOMP=allow"));
    assert!(!run("allow").contains("ALIVE_SECCOMP"));
}

#[test]
fn what_is_loaded_without_a_descriptor_or_on_a_small_stack_is_counted() {
    let mut scene = Scene::start();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    let _ = scene.run(scene.traced("few_descriptors").args([&code, &library])).well();
    let no_descriptor = counted(&mut scene);
    assert!(no_descriptor["send-failed"].as_u64() >= Some(2), "{no_descriptor}");

    let mut scene = Scene::start();
    let code = scene.file("late.pm");
    let ran = scene.run(scene.traced("small_stack").args(["signal", "2048"]).args([&code, &absent])).well();
    assert_eq!(ran.said(), "well, below the stack: untouched\n");
    let small = counted(&mut scene);
    assert_eq!(small["small-stack"].as_u64(), Some(2), "{small}");
}

#[test]
fn a_child_that_may_open_no_socket_lives_and_its_load_is_counted_instead() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    for how in ["prctl", "syscall"] {
        let _ = scene.run(scene.traced("seccomp").arg(how).arg(&code)).well();
    }
    assert!(scene.events().loads_of(&code).is_empty());
}

/// Runs `drops`, which gives `how` up and then opens code and a library, in every world.
fn drop_and_load(how: &str, expected_path: impl Fn(&Scene) -> String) {
    if !needs::root() {
        return;
    }
    let mut scene = Scene::without_collector();
    let code = scene.file("jail/late.pm");
    let jail = scene.path("jail");
    let library = scene.path("jail/libplain.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    // Other users must be able to get there.
    for folder in [scene.path(""), jail.clone()] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("rights of a folder");
    }
    let jailed = how == "root" || how == "both";
    let (name, object) =
        if jailed { (Path::new("late.pm"), Path::new("/libplain.so")) } else { (&*code, &*library) };
    let same = same_in_every_world(&mut scene, "drops", words![how, &jail, name, object]);
    let said = same.said();
    assert!(said.starts_with("open 3, errno 4711, absent -1, errno 2\nlibrary well\n"), "{said}");
    let paths: Vec<_> = same.events.of("load").map(|load| load.text("path")).collect();
    let expected = expected_path(&scene);
    if how == "network" {
        assert!(paths.is_empty(), "no way leads out: {}", same.events.told());
    } else {
        assert_eq!(paths.first(), Some(&expected.as_str()), "{}", same.events.told());
        assert_eq!(paths.len(), 2, "{}", same.events.told());
    }
}

fn outside(scene: &Scene) -> String {
    scene.path("jail/late.pm").canonicalize().expect("the file is there").display().to_string()
}

#[test]
fn a_worker_that_has_given_up_its_user_is_the_same_and_heard() {
    drop_and_load("user", outside);
}

#[test]
fn a_worker_in_another_root_without_proc_is_the_same_and_heard() {
    drop_and_load("root", |_| "/late.pm".to_owned());
}

#[test]
fn a_worker_that_has_given_up_root_and_user_is_the_same_and_heard() {
    drop_and_load("both", |_| "/late.pm".to_owned());
}

#[test]
fn a_worker_in_a_network_of_its_own_is_the_same() {
    drop_and_load("network", outside);
}
