//! Taps in a program under the preload library, which sends them.

use std::process::Command;

use alive_tests::artifacts;
use alive_tests::scene::Scene;

use crate::client;

fn header_program(scene: &Scene, mode: &str) -> Command {
    let mut command = scene.traced_command(&artifacts::program_as("tap", "tap", &["-rdynamic"]));
    command.arg(mode);
    command
}

#[test]
fn a_tap_in_a_preloaded_program_is_told_with_its_stack() {
    let mut scene = Scene::start();
    let outcome = scene.run(&mut header_program(&scene, "once")).well();
    assert_eq!((outcome.said().as_str(), outcome.stderr.as_slice()), ("done\n", &b""[..]));
    let hits = client::pings(&scene, "checkout.legacy");
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!(hit.root().0, u64::from(hit.pid()), "told by the shim, of the first process: {hit:?}");
    let place = hit.member("caller");
    assert!(place["file"].as_str().is_some_and(|file| file.ends_with("tap.c")), "{hit:?}");
    assert_eq!(place["function"], "total", "{hit:?}");
    assert_eq!(client::pings(&scene, "every.time").len(), 3);
    scene.stop_collector();

    let mut command = scene.command(&artifacts::built("alive"));
    let table = scene.run(command.args(["taps", "--db"]).arg(scene.path("alive.db"))).well().said();
    assert!(table.contains("called by tap checkout+0x"), "{table}");
    assert!(table.contains("1 hit from 1 process since"), "{table}");
}

#[test]
fn a_tap_is_told_from_the_first_process_too_and_by_a_child_for_itself() {
    let scene = Scene::start();
    let _ = scene.run(&mut header_program(&scene, "fork")).well();
    let hits = client::pings(&scene, "checkout.legacy");
    let [parent, child] = hits.as_slice() else { panic!("{hits:?}") };
    assert_ne!(parent.pid(), child.pid());
    assert_eq!(parent.root(), child.root());
    assert_eq!((parent.number("depth"), child.number("depth")), (0, 1));
}

#[test]
fn a_function_found_by_its_name_tells_where_it_was_called_from() {
    let mut scene = Scene::start();
    // Under a name of its own: other tests have the program without exported symbols.
    let program = artifacts::program_as("tap_alone", "tap_exported", &["-rdynamic"]);
    assert_eq!(scene.run(scene.traced_command(&program).arg("plain")).well().said(), "done\n");
    assert_eq!(client::pings(&scene, "of.the.program").len(), 1);
    scene.stop_collector();
    let mut command = scene.command(&artifacts::built("alive"));
    let table = scene.run(command.args(["taps", "--db"]).arg(scene.path("alive.db"))).well().said();
    assert!(table.contains("/tap_exported in holds_the_tap"), "{table}");
    assert!(table.contains("called by tap_exported calls_it+0x"), "{table}");
}

#[test]
fn a_tap_behind_a_filter_or_in_a_vfork_child_is_silent() {
    let scene = Scene::start();
    for (mode, hits) in [("filter", 0), ("vfork", 1)] {
        let mut command = scene.traced_command(&artifacts::program("tap_alone"));
        assert_eq!(scene.run(command.arg(mode)).well().said(), "done\n", "{mode}");
        assert_eq!(client::pings(&scene, "of.the.program").len(), hits, "{mode}");
    }
    assert!(client::pings(&scene, "of.the.child").is_empty());
}

#[test]
fn switched_off_the_preloaded_function_sends_nothing() {
    let scene = Scene::start();
    let mut command = scene.traced_command(&artifacts::program("tap_alone"));
    let _ = scene.run(command.arg("plain").env("ALIVE_OFF", "1")).well();
    assert!(client::pings(&scene, "of.the.program").is_empty());
}
