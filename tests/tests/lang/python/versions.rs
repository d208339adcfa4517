//! An interpreter that is not the one it says: `programs/python_that_lies.c`.

use alive_tests::events::Events;
use alive_tests::needs;
use alive_tests::scene::Scene;

use super::account::frames;

const LIBRARY: &str = "/usr/lib/*/libpython3.11.so.1.0";

/// What an interpreter tells of itself: its version, and the sizes of frames, code and strings.
type Told = [&'static str; 4];

const TRUTH: Told = ["0x030b02f0", "120", "184", "80"];

/// Runs Python 3.11 once for each of these; the child of run N loads `lied_N.py` and `lied_N_again.py`.
fn run(all: &[Told]) -> Option<(Scene, Events)> {
    let library = needs::versioned("libpython3.11", LIBRARY)?;
    let scene = Scene::start();
    for (number, told) in all.iter().enumerate() {
        let module = format!("lied_{number}");
        std::fs::write(scene.path(format!("{module}.py")), format!("import {module}_again\n"))
            .expect("a module");
        std::fs::write(scene.path(format!("{module}_again.py")), "").expect("a module");
        let mut command = scene.traced("python_that_lies");
        let _ = scene.run(command.arg(&library).args(told).arg(module)).well();
    }
    let events = scene.events();
    assert_eq!(events.of("start").count(), all.len(), "{}", events.told());
    Some((scene, events))
}

/// Why lines are not read: what the starts say, and what the loads say.
#[track_caller]
fn assert_unread(all: &[Told], at_start: &str, at_loads: &str) {
    let Some((scene, events)) = run(all) else { return };
    for ((number, told), start) in all.iter().enumerate().zip(events.of("start")) {
        assert_eq!(start.member("interpreters")[0]["lines"], at_start, "{told:?}: {}", events.told());
        for module in [format!("lied_{number}.py"), format!("lied_{number}_again.py")] {
            let load = events.the_load_of(&scene.path(module));
            assert_eq!(load.text("no_lines"), at_loads, "{told:?}: {}", events.told());
            assert_eq!(frames(load), [""; 0], "{told:?}");
        }
    }
}

#[test]
fn who_tells_the_truth_is_read() {
    let Some((scene, events)) = run(&[TRUTH]) else { return };
    let start = events.of("start").next().expect("the program forked");
    assert_eq!(start.member("interpreters")[0]["version"], "3.11.2", "{}", events.told());
    assert_eq!(frames(events.the_load_of(&scene.path("lied_0.py"))), ["<string>:3 in <module>"]);
}

/// Only what is read of its memory can show it then.
#[test]
fn read_by_the_layout_of_another_version_it_is_left_alone() {
    let told = [
        ["0x030812f0", "368", "176", "80"],
        ["0x030a0df0", "360", "176", "80"],
        ["0x030c01f0", "120", "192", "64"],
    ];
    assert_unread(&told, "read", "unexpected");
}

#[test]
fn of_other_sizes_than_its_version_has_it_is_left_alone() {
    let told = [
        ["0x030c01f0", "120", "184", "80"],
        ["0x030b02f0", "120", "192", "80"],
        ["0x030b02f0", "128", "184", "80"],
        ["0x030b02f0", "120", "184", "64"],
        // These publish their layout, and this one does not.
        ["0x030d00f0", "136", "200", "64"],
        ["0x030e00f0", "152", "208", "64"],
    ];
    assert_unread(&told, "unknown-build", "unknown-build");
}

#[test]
fn of_a_version_that_is_not_known_it_is_left_alone() {
    let [_, frame, code, text] = TRUTH;
    // The next one, one before its first release candidate, older ones, and another major version.
    let told = ["0x030f00f0", "0x030b00a1", "0x030710f0", "0x021200f0", "0x040000f0"]
        .map(|version| [version, frame, code, text]);
    assert_unread(&told, "unknown-version", "unknown-version");
}
