//! Signals that come while a hook is at work, and stacks that are too small for a report.

use alive_tests::scene::Scene;
use alive_tests::worlds::same_in_every_world;
use alive_tests::{artifacts, words};

/// Two kilobytes are what the smallest signal stack that POSIX allows has ever had.
#[test]
fn a_handler_on_a_small_signal_stack_stays_within_it_and_its_loads_are_counted() {
    let mut scene = Scene::without_collector();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let same = same_in_every_world(&mut scene, "small_stack", words!["signal", "2048", &code, &absent]);
    assert_eq!(same.said(), "well, below the stack: untouched\n");
    // Only the one on the ordinary stack.
    let _ = same.events.the_load_of(&code);
}

/// Twenty-four kilobytes are what the shim asks for, and a little more is there: no report may need more.
#[test]
fn a_handler_on_a_signal_stack_that_is_just_large_enough_is_heard_and_stays_within_it() {
    let mut scene = Scene::without_collector();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    let same = same_in_every_world(&mut scene, "small_stack", words!["signal", "26624", &code, &absent]);
    assert_eq!(same.said(), "well, below the stack: untouched\n");
    assert_eq!(same.events.loads_of(&code).len(), 3, "{}", same.events.told());
}

#[test]
fn a_thread_on_the_smallest_stack_does_not_run_into_its_guard() {
    let mut scene = Scene::without_collector();
    let (code, absent) = (scene.file("late.pm"), scene.path("absent.pm"));
    for bytes in ["16384", "262144"] {
        let same = same_in_every_world(&mut scene, "small_stack", words!["thread", bytes, &code, &absent]);
        assert_eq!(same.said(), "well, below the stack: untouched\n", "{bytes}");
        let loads = same.events.loads_of(&code).len();
        assert_eq!(loads, 1 + usize::from(bytes == "262144"), "{bytes}: {}", same.events.told());
    }
}

#[test]
fn a_handler_that_jumps_out_of_hooks_leaves_them_whole() {
    let mut scene = Scene::without_collector();
    let (code, absent, library) = (scene.file("late.pm"), scene.path("absent.pm"), scene.path("libplain.so"));
    artifacts::library("plain", &library, &[] as &[&str]);
    let same = same_in_every_world(&mut scene, "jumps_out", words![&code, &absent, &library, "1000"]);
    assert_eq!(same.said(), "jumped\nlibrary well, absent 2, code 0\n");
    // What a hook held when it was jumped out of was given back: the library's load is told.
    let _ = same.events.the_load_of(&library);
}

#[test]
fn children_whose_status_nobody_wants_leave_none() {
    let mut scene = Scene::without_collector();
    let code = scene.file("late.pm");
    let same = same_in_every_world(&mut scene, "no_wait", words![&code]);
    assert_eq!(same.said(), "waited: -1, status 4711, errno 10\nothers: -1, errno 10\n");
    assert_eq!(same.events.loads_of(&code).len(), 2, "{}", same.events.told());
}

#[test]
fn a_storm_of_signals_disturbs_no_result_and_loses_no_load() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("signal_storm").arg(&code).arg("2000")).well();
    // The handler adds its own loads to the program's 2,000.
    assert!(scene.events().loads_of(&code).len() > 2000);
}
