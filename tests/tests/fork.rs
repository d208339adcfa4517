//! Who is a forked process, and who is not.

use alive_tests::events::{Event, Events};
use alive_tests::scene::Scene;

/// Runs a program that makes a child load one file, and asserts what the child must say of itself.
fn child_load(program: &str) -> (Events, Event) {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced(program).arg(&code)).well();
    let events = scene.events();
    let load = events.the_load_of(&code).clone();
    assert_eq!(load.number("depth"), 1, "{}", events.told());
    assert_eq!(load.number("ppid"), load.root().0, "{}", events.told());
    assert_ne!(u64::from(load.pid()), load.root().0);
    assert_eq!(load.text("outcome"), "loaded");
    assert_eq!(load.text("language"), "perl");
    assert_eq!(load.text("kind"), "module");
    assert_eq!(load.text("via"), "open");
    assert_eq!(load.text("program"), program);
    (events, load)
}

#[test]
fn a_forked_child_reports_its_load() {
    let (events, load) = child_load("fork");
    let starts: Vec<_> = events.of("start").collect();
    assert_eq!(starts.len(), 1, "{}", events.told());
    assert_eq!(u64::from(starts[0].pid()), load.root().0);
    assert_eq!(load.number("bytes"), 3, "the file holds three bytes");
}

#[test]
fn a_child_of_bare_fork_reports_its_load_though_no_atfork_handler_ran() {
    let _ = child_load("bare_fork");
}

#[test]
fn a_child_of_the_raw_system_call_reports_its_load() {
    let _ = child_load("raw_clone");
}

#[test]
fn a_child_of_the_newer_system_call_reports_its_load() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("raw_clone").arg(&code).arg("clone3")).well();
    assert_eq!(scene.events().the_load_of(&code).number("depth"), 1);
}

#[test]
fn a_child_forked_by_a_thread_reports_its_load() {
    let _ = child_load("thread_forks");
}

#[test]
fn a_load_in_a_signal_handler_of_a_forked_child_is_reported_and_errno_kept() {
    let _ = child_load("signal_handler");
}

/// The walk has to get through the frame that the kernel made for the handler.
#[test]
fn the_stack_of_a_load_in_a_signal_handler_goes_on_where_the_signal_came() {
    let (events, load) = child_load("signal_handler");
    let modules: Vec<&str> = load
        .member("stack")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|frame| frame["module"].as_str())
        .collect();
    let mut sections = modules.clone();
    sections.dedup();
    let sections: Vec<_> = sections.iter().map(|path| path.rsplit('/').next().unwrap_or_default()).collect();
    // handler; the kernel's return and raise; main; what called main; _start.
    let expected = ["signal_handler", "libc.so.6", "signal_handler", "libc.so.6", "signal_handler"];
    assert_eq!(sections, expected, "{}", events.told());
}

#[test]
fn a_load_says_who_asked() {
    let (events, load) = child_load("fork");
    let caller = load.member("caller");
    assert!(caller["module"].as_str().is_some_and(|module| module.ends_with("/fork")), "{}", events.told());
}

#[test]
fn a_vfork_child_is_still_its_parent_and_leaves_its_memory_alone() {
    let scene = Scene::start();
    let (borrowed, later) = (scene.file("borrowed.pm"), scene.file("later.pm"));
    let _ = scene.run(scene.traced("vfork").args([&borrowed, &later])).well();
    let events = scene.events();
    assert!(events.loads_of(&borrowed).is_empty(), "{}", events.told());
    // Had the vfork child written to the memory it borrows, the parent's next child would count on.
    assert_eq!(events.the_load_of(&later).number("depth"), 1);
}

#[test]
fn what_posix_spawn_opens_for_the_new_program_is_no_load() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("spawn").arg(&code)).well();
    let events = scene.events();
    events.assert_no_load();
    assert_eq!(events.of("start").count(), 1, "the spawner, which forks later: {}", events.told());
}

#[test]
fn a_program_executed_after_the_fork_starts_a_tree_of_its_own_and_loads_nothing_late() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("exec_after_fork").arg(&code)).well();
    let events = scene.events();
    events.assert_no_load();
    let roots: Vec<_> = events.of("start").map(Event::root).collect();
    assert_eq!(roots.len(), 2, "{}", events.told());
    assert_ne!(roots[0], roots[1]);
}

#[test]
fn what_the_parent_loads_is_not_late() {
    let scene = Scene::start();
    let code = scene.file("early.pm");
    let _ = scene.run(scene.traced("parent_loads").arg(&code)).well();
    scene.events().assert_no_load();
}

#[test]
fn depth_counts_the_forks_down_from_the_root() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    for depth in [1, 2, 5, 12] {
        let code = scene.file(format!("late{depth}.pm"));
        let _ = scene.run(scene.traced("nested_forks").arg(depth.to_string()).arg(&code)).well();
        assert_eq!(scene.events().the_load_of(&code).number("depth"), depth);
    }
    assert!(scene.events().loads_of(&code).is_empty());
}

#[test]
fn all_workers_of_one_fork_site_have_one_role_and_every_one_of_them_reports() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("workers").args(["8", "1"]).arg(&code)).well();
    let events = scene.events();
    let loads = events.loads_of(&code);
    let pids: std::collections::BTreeSet<_> = loads.iter().map(|load| load.pid()).collect();
    assert_eq!(pids.len(), 8, "{}", events.told());
    assert!(loads.iter().all(|load| load.member("role") == loads[0].member("role")), "{}", events.told());
}
