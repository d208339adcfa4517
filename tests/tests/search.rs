//! Names that are searched for and never found: one event for each, however many probes there were.

use std::collections::BTreeSet;
use std::path::Path;

use alive_tests::artifacts;
use alive_tests::events::{Event, Events};
use alive_tests::running::Outcome;
use alive_tests::scene::Scene;
use serde_json::Value;

/// Every function whose failure is a step of a search.
const PROBERS: [&str; 17] = [
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstatat",
    "fstatat64",
    "statx",
    "access",
    "faccessat",
    "open",
    "open64",
    "openat",
    "openat64",
    "__open_2",
    "__openat64_2",
    "fopen",
    "fopen64",
];

const FOLDERS: [&str; 5] = ["site", "vendor/lib", "share/perl/5.36", "share/perl5", "local"];

/// A step of `probes`: a function and a path in the scene.
fn step(scene: &Scene, function: &str, name: &str) -> String {
    format!("{function}:{}", scene.path(name).display())
}

/// A step for every folder of the search path.
fn search(scene: &Scene, function: &str, name: &str) -> Vec<String> {
    FOLDERS.iter().map(|folder| step(scene, function, &format!("{folder}/{name}"))).collect()
}

/// The same search `rounds` times.
fn search_often(scene: &Scene, function: &str, name: &str, rounds: usize) -> Vec<String> {
    std::iter::repeat_n(search(scene, function, name), rounds).flatten().collect()
}

/// Has a forked child take the steps.
#[track_caller]
fn probe(scene: &Scene, steps: &[String]) -> Outcome {
    scene.run(scene.traced("probes").arg("child").args(steps)).well()
}

/// Name and outcome of all `missing` events, in the order of arrival.
fn missing(events: &Events) -> Vec<(&str, &str)> {
    events.of("missing").map(|event| (event.text("name"), event.text("outcome"))).collect()
}

/// The searches of the only program in the scene's report, as (name, searches, probes).
fn reported(scene: &mut Scene) -> Vec<(String, u64, u64)> {
    scene.stop_collector();
    let mut alive = scene.command(&artifacts::built("alive"));
    let said = scene.run(alive.args(["report", "--db", "alive.db", "--format", "json"])).well().said();
    let report: Value = serde_json::from_str(&said).expect("a report in JSON");
    let missing = report["programs"][0]["missing"].as_array().expect("a list of searches");
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap_or_else(|| panic!("no {key} in {row}"));
    missing
        .iter()
        .map(|row| {
            let name = row["name"].as_str().expect("a name").to_owned();
            (name, number(row, "searches"), number(row, "probes"))
        })
        .collect()
}

#[test]
fn a_name_in_no_folder_is_told_once_with_the_number_of_probes() {
    let mut scene = Scene::start();
    let _ = probe(&scene, &search(&scene, "stat", "Acme/Optional.pm"));
    let events = scene.events();
    assert_eq!(missing(&events), [("Acme/Optional", "failed")], "{}", events.told());
    let event = events.of("missing").next().expect("one event");
    assert_eq!((event.text("language"), event.text("kind"), event.number("depth")), ("perl", "module", 1));
    let caller = event.member("caller")["module"].as_str().unwrap_or_default();
    assert!(Path::new(caller).ends_with("probes"), "the caller is who began the search: {}", events.told());
    assert_eq!(events.of("load").count(), 0, "{}", events.told());
    assert_eq!(reported(&mut scene), [("Acme/Optional".to_owned(), 1, 5)]);
}

#[test]
fn a_name_in_the_last_folder_was_not_missing() {
    let scene = Scene::start();
    let found = scene.file("local/Acme/Present.pm");
    let mut steps = search(&scene, "stat", "Acme/Present.pm");
    steps.push(format!("open:{}", found.display()));
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    let _ = events.the_load_of(&found);
}

#[test]
fn a_file_that_is_only_looked_at_ends_its_search_too() {
    let scene = Scene::start();
    let _ = scene.file("local/acme.rb");
    let _ = probe(&scene, &search(&scene, "access", "acme.rb"));
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    events.assert_no_load();
}

#[test]
fn the_same_search_again_and_again_is_told_once() {
    let scene = Scene::start();
    let steps = search_often(&scene, "stat64", "Acme/Optional.pm", 40);
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [("Acme/Optional", "failed")], "{}", events.told());
}

#[test]
fn one_path_looked_at_again_and_again_is_told_once() {
    let scene = Scene::start();
    let steps = vec![step(&scene, "lstat", "inc/optional.php"); 100];
    let _ = probe(&scene, &steps);
    let events = scene.events();
    let names: Vec<_> = missing(&events).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names.len(), 1, "{}", events.told());
    assert!(scene.path("inc/optional").ends_with(names[0].trim_start_matches('/')), "{}", names[0]);
}

#[test]
fn each_process_tells_of_its_own_search() {
    let scene = Scene::start();
    let steps = search(&scene, "stat", "Acme/Optional.pm");
    let _ = probe(&scene, &steps);
    let _ = probe(&scene, &steps);
    let events = scene.events();
    let pids: BTreeSet<_> = events.of("missing").map(Event::pid).collect();
    assert_eq!((events.of("missing").count(), pids.len()), (2, 2), "{}", events.told());
}

#[test]
fn a_name_that_is_loaded_later_is_taken_back() {
    let scene = Scene::start();
    let found = scene.file("late/Acme/Optional.pm");
    let mut steps = search(&scene, "stat", "Acme/Optional.pm");
    // Over after a quarter of a second; the next hooked call tells it.
    steps.extend(["wait:400".to_owned(), "stat:/etc/hosts".to_owned()]);
    steps.push(format!("open:{}", found.display()));
    let _ = probe(&scene, &steps);
    let events = scene.events();
    let expected = [("Acme/Optional", "failed"), ("Acme/Optional", "loaded")];
    assert_eq!(missing(&events), expected, "{}", events.told());
    let _ = events.the_load_of(&found);
}

#[test]
fn a_search_is_over_a_quarter_of_a_second_after_its_last_probe_at_the_next_call() {
    let scene = Scene::start();
    let mut steps = search(&scene, "stat", "Acme/Optional.pm");
    // What leaves without the handlers of exit tells nothing at its end.
    steps.extend(["wait:400".to_owned(), "access:/etc/hosts".to_owned(), "leave:".to_owned()]);
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [("Acme/Optional", "failed")], "{}", events.told());
}

#[test]
fn a_search_that_still_goes_on_is_not_told() {
    let scene = Scene::start();
    let mut steps = search(&scene, "stat", "Acme/Optional.pm");
    steps.extend(["access:/etc/hosts".to_owned(), "leave:".to_owned()]);
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
}

#[test]
fn the_third_return_to_the_first_folder_ends_a_search() {
    let scene = Scene::start();
    let told_after = |rounds: usize| {
        let name = format!("Acme/Rounds{rounds}.pm");
        let mut steps = search_often(&scene, "stat", &name, rounds);
        steps.push("leave:".to_owned());
        let _ = probe(&scene, &steps);
        missing(&scene.events()).iter().any(|(told, _)| format!("{told}.pm") == name)
    };
    assert!(!told_after(3), "two returns may be one search in two ways");
    assert!(told_after(4));
}

#[test]
fn a_process_that_ends_while_it_searches_tells_it_at_its_exit() {
    let scene = Scene::start();
    let _ = probe(&scene, &[step(&scene, "open", "Acme/Optional.pm")]);
    let events = scene.events();
    assert_eq!(events.of("missing").count(), 1, "{}", events.told());
    assert!(missing(&events)[0].0.ends_with("/Acme/Optional"), "{}", events.told());
}

#[test]
fn what_interpreters_look_for_beside_every_name_is_no_search() {
    let scene = Scene::start();
    let noise = [
        "Acme/Thing.pmc",
        "auto/Acme/Thing.bs",
        "package/__init__.cpython-311-x86_64-linux-gnu.so",
        "package/__init__.abi3.so",
        "package/__init__.so",
    ];
    let steps: Vec<_> = noise.iter().flat_map(|name| search(&scene, "stat", name)).collect();
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    events.assert_no_load();
}

/// An autoloader asks one folder after the other, by `is_file`, and includes what it finds.
#[test]
fn a_class_in_the_second_folder_of_an_autoloader_was_not_missing() {
    let scene = Scene::start();
    let found = scene.file("libB/App/Thing.php");
    let steps = [
        step(&scene, "stat", "libA/App/Thing.php"),
        step(&scene, "stat", "libB/App/Thing.php"),
        step(&scene, "lstat", "libB/App/Thing.php"),
        step(&scene, "open", "libB/App/Thing.php"),
    ];
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    let _ = events.the_load_of(&found);
}

#[test]
fn a_file_that_is_no_code_is_no_search() {
    let scene = Scene::start();
    let _ = probe(&scene, &search(&scene, "stat", "templates/page.html"));
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    events.assert_no_load();
}

#[test]
fn every_function_that_can_fail_to_find_a_file_counts() {
    let mut scene = Scene::start();
    for function in PROBERS {
        let said = probe(&scene, &search(&scene, function, &format!("Acme/By_{function}.pm"))).said();
        assert_eq!(said, format!("{function} -1 2\n").repeat(FOLDERS.len()), "result and errno");
    }
    let events = scene.events();
    let told: BTreeSet<_> = missing(&events).into_iter().map(|(name, _)| name.to_owned()).collect();
    let expected: BTreeSet<_> = PROBERS.iter().map(|function| format!("Acme/By_{function}")).collect();
    assert_eq!(told, expected);
    assert_eq!(events.of("missing").count(), PROBERS.len(), "{}", events.told());
    let probes = reported(&mut scene).into_iter().map(|(_, _, probes)| probes);
    assert!(probes.into_iter().all(|probes| probes == 5), "every call is one probe");
}

#[test]
fn what_the_parent_looks_for_is_nobodys_business() {
    let scene = Scene::start();
    let steps: Vec<_> =
        PROBERS.iter().flat_map(|function| search(&scene, function, "Acme/Early.pm")).collect();
    let _ = scene.run(scene.traced("probes").arg("parent").args(&steps)).well();
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    events.assert_no_load();
}

#[test]
fn results_and_errno_are_the_same_as_without_the_shim() {
    let scene = Scene::start();
    let there = scene.file("there.rb");
    for function in PROBERS {
        let steps = [
            format!("{function}:{}", there.display()),
            step(&scene, function, "absent.rb"),
            step(&scene, function, "there.rb/below.rb"),
            format!("{function}:BAD"),
            format!("{function}:"),
        ];
        let without = scene.run(scene.plain("probes").arg("child").args(&steps));
        let with = scene.run(scene.traced("probes").arg("child").args(&steps));
        assert_eq!(with, without, "{function}");
        let (enoent, enotdir, efault) = (2, 20, 14);
        let errors: Vec<i32> = without
            .well()
            .said()
            .lines()
            .skip(1)
            .map(|line| line.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("errno"))
            .collect();
        assert_eq!(errors, [enoent, enotdir, efault, enoent], "{function}");
    }
}

#[test]
fn threads_that_search_at_once_do_not_mix_their_names() {
    let mut scene = Scene::start();
    let folders = "20";
    let _ = scene.run(scene.traced("search_threads").args(["2", folders]).arg(scene.path("inc"))).well();
    let events = scene.events();
    let mut names: Vec<_> = missing(&events).into_iter().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Acme/Part0", "Acme/Part1"], "{}", events.told());
    // A thread waits for no other: a probe at the very moment of another thread's may go uncounted.
    for (name, searches, probes) in reported(&mut scene) {
        assert_eq!(searches, 1, "{name}");
        assert!((1..=20).contains(&probes), "{name}: {probes} probes");
    }
}

/// Ruby looks for `zlib.rb` in every folder, again and again, though it has `zlib.so` already.
#[test]
fn a_name_whose_library_is_mapped_is_not_missing() {
    let scene = Scene::start();
    let library = scene.path("arch/acmelib.so");
    artifacts::library("plain", &library, &[] as &[&str]);
    let steps = search(&scene, "open", "acmelib.rb");
    let preloaded = format!("{}:{}", artifacts::shim().display(), library.display());
    let _ = scene.run(scene.traced("probes").env("LD_PRELOAD", preloaded).arg("child").args(&steps)).well();
    let events = scene.events();
    assert_eq!(missing(&events), [], "{}", events.told());
    // The same search without the library: this is what was kept quiet.
    let _ = probe(&scene, &steps);
    let events = scene.events();
    assert_eq!(missing(&events), [("acmelib", "failed")], "{}", events.told());
}
