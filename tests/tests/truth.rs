//! Real daemons, under the shim and under strace in one run, compared process by process: every
//! late load is reported, and nothing else is; every name that was looked for in vain is told, and
//! no other.
//!
//! A new daemon is an application in `daemons/NAME/`, a command in `alive_tests::targets`, and a test
//! here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alive_tests::daemon::{Daemon, Seen, Start};
use alive_tests::events::Event;
use alive_tests::expect::Score;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, targets};

/// Rounds of requests. Every page is held for a while, so that of two requests at the same time each
/// of two workers answers one.
const ROUNDS: usize = 3;

/// Longest time until every worker was asked.
const DEADLINE: Duration = Duration::from_secs(60);

/// A search without a probe for so long is over, and a bit.
const SEARCH_IS_OVER: Duration = Duration::from_millis(350);

const PYTHON: &[&str] =
    &["/", "/json", "/xml", "/sql", "/native", "/threads", "/process", "/late", "/optional"];
const PERL: &[&str] =
    &["/", "/json", "/native", "/text", "/dump", "/files", "/process", "/late", "/optional"];
const RUBY: &[&str] = &[
    "/",
    "/json",
    "/erb",
    "/native",
    "/text",
    "/framework",
    "/auto",
    "/late",
    "/optional",
    "/optional/below",
];
/// Names that puma's workers look for in vain; `gems.rb` would be a list of dependencies.
const RUBY_UNFOUND: &[&str] = &["acme_not_installed", "acme/below", "gems"];
const PHP: &[&str] = &["/", "/include", "/class", "/no-class", "/no-file"];

/// Starts a daemon, uses it, stops it, and compares. At least two processes must have loaded `least`
/// files or more.
fn assert_exact(
    what: &str,
    scene: &Scene,
    start: Option<Start>,
    least: usize,
    use_it: impl Fn(&Daemon),
) -> Option<Seen> {
    let daemon = Daemon::start(scene, start?);
    use_it(&daemon);
    let seen = daemon.stop();
    let busy = seen.loads.values().filter(|files| files.len() >= least).count();
    assert!(busy >= 2, "{what}: only {busy} processes loaded {least} files or more");
    let events = scene.events();
    Score::new(&seen.loads, &events.loaded_by_pid()).assert_exact(what);
    let names: usize = seen.unfound.values().map(BTreeSet::len).sum();
    let probed = || events.of("missing").filter(|event| !is_pythons(event));
    let of = |outcome| probed().filter(|event| event.text("outcome") == outcome).count();
    let (told, taken_back) = (of("failed"), of("loaded"));
    println!("{what}: {told} told to be missing, {taken_back} taken back: {:?}", distinct(&seen));
    assert_eq!(told - taken_back, names, "{what}: one event for each name: {}", events.told());
    assert_eq!(events.missing_by_pid(|event| !is_pythons(event)), seen.unfound, "{what}: {}", events.told());
    Some(seen)
}

fn ask(paths: &[&str]) -> impl Fn(&Daemon) {
    move |daemon| {
        for _ in 0..ROUNDS {
            daemon.ask_all(paths);
            for path in paths {
                daemon.ask_all(&[path, path]);
            }
        }
    }
}

/// The names that any process of the daemon never found.
fn distinct(seen: &Seen) -> BTreeSet<PathBuf> {
    seen.unfound.values().flatten().cloned().collect()
}

/// Asserts that exactly these names were never found, and that both workers looked for some of them.
#[track_caller]
fn assert_unfound(seen: Option<Seen>, names: &[&str]) {
    let Some(seen) = seen else { return };
    let names: BTreeSet<PathBuf> = names.iter().map(PathBuf::from).collect();
    assert_eq!(distinct(&seen), names);
    assert_eq!(seen.unfound.len(), 2, "both workers looked: {:?}", seen.unfound);
}

/// Python's own searches end in a listing of a folder, so strace cannot show them.
fn is_pythons(event: &Event) -> bool {
    event.text("language") == "python"
}

/// Asserts that strace saw no search end in vain, and that both workers told of exactly these imports.
#[track_caller]
fn assert_imports_unfound(scene: &Scene, seen: Option<&Seen>, names: &[&str]) {
    let Some(seen) = seen else { return };
    assert_eq!(distinct(seen), BTreeSet::new());
    let names: BTreeSet<PathBuf> = names.iter().map(PathBuf::from).collect();
    let told = scene.events().missing_by_pid(is_pythons);
    assert_eq!(told.values().cloned().collect::<Vec<_>>(), [names.clone(), names]);
}

#[test]
fn gunicorn() {
    let scene = Scene::start();
    let seen = assert_exact("gunicorn", &scene, targets::gunicorn(&scene, &[], false), 10, ask(PYTHON));
    // Two of them are mimetypes' own, for another system.
    assert_imports_unfound(&scene, seen.as_ref(), &["acme_not_installed", "winreg", "_winapi"]);
}

#[test]
fn gunicorn_with_preload_and_imports_at_requests() {
    let scene = Scene::start();
    let start = targets::gunicorn(&scene, &["--preload"], false);
    let seen = assert_exact("gunicorn --preload", &scene, start, 10, ask(PYTHON));
    assert_imports_unfound(&scene, seen.as_ref(), &["acme_not_installed"]);
}

#[test]
fn gunicorn_with_preload_and_imports_at_start() {
    let scene = Scene::start();
    let start = targets::gunicorn(&scene, &["--preload"], true);
    let seen = assert_exact("gunicorn --preload, eager", &scene, start, 1, ask(PYTHON));
    assert!(
        seen.is_none_or(|seen| seen.loads.values().all(|files| files.len() <= 3)),
        "nearly all was early"
    );
}

#[test]
fn starman() {
    let scene = Scene::start();
    let seen = assert_exact("starman", &scene, targets::starman(&scene, &[]), 10, ask(PERL));
    // Two of them are Storable's and Encode's own.
    assert_unfound(seen, &["Acme/NotInstalled", "Log/Agent", "Encode/ConfigLocal"]);
}

#[test]
fn starman_with_modules_at_start() {
    let modules = [
        "--preload-app",
        "-MJSON::PP",
        "-MDigest::SHA",
        "-MStorable",
        "-MUnicode::Normalize",
        "-MCompress::Zlib",
        "-MEncode::JP",
        "-MText::Wrap",
        "-MData::Dumper",
        "-MTime::Local",
        "-MFile::Temp",
        "-MFile::Copy",
        "-MSys::Hostname",
    ];
    let scene = Scene::start();
    let seen = assert_exact("starman -M", &scene, targets::starman(&scene, &modules), 1, ask(PERL));
    assert_unfound(seen, &["Acme/NotInstalled"]);
}

#[test]
fn puma() {
    let scene = Scene::start();
    let seen = assert_exact("puma", &scene, targets::puma(&scene, "", false), 10, ask(RUBY));
    assert_unfound(seen, RUBY_UNFOUND);
}

#[test]
fn puma_with_preload_app_and_requires_at_requests() {
    let scene = Scene::start();
    let start = targets::puma(&scene, "preload_app!\n", false);
    let seen = assert_exact("puma preload_app!", &scene, start, 10, ask(RUBY));
    assert_unfound(seen, RUBY_UNFOUND);
}

#[test]
fn puma_with_preload_app_and_requires_at_start() {
    let scene = Scene::start();
    let start = targets::puma(&scene, "preload_app!\n", true);
    let seen = assert_exact("puma preload_app!, eager", &scene, start, 1, ask(RUBY));
    assert_unfound(seen, RUBY_UNFOUND);
}

#[test]
fn php_fpm() {
    let scene = Scene::start();
    let start = targets::php_fpm(&scene, "-F");
    let seen = assert_exact("php-fpm", &scene, start, 3, |daemon| {
        let ask = |paths: &[&str]| targets::ask_php(&scene, daemon.address(), paths);
        let mut workers: BTreeSet<u32> = (0..2 * ROUNDS).flat_map(|_| ask(PHP)).collect();
        // Its workers leave without the handlers of exit, so a search has to be over before, and be
        // followed by another call: here by that of the other search.
        for path in ["/no-class", "/no-file"] {
            std::thread::sleep(SEARCH_IS_OVER);
            workers.extend(ask(&[path; 4]));
        }
        // And until each of them was asked once more.
        let until = Instant::now() + DEADLINE;
        while !workers.is_empty() {
            assert!(Instant::now() < until, "{workers:?} are never asked again");
            std::thread::sleep(SEARCH_IS_OVER);
            let again = ask(&["/"; 24]);
            workers.retain(|pid| !again.contains(pid));
        }
    });
    let Some(seen) = seen else { return };
    let names: BTreeSet<String> = distinct(&seen)
        .iter()
        .filter_map(|name| name.file_name().map(|stem| stem.display().to_string()))
        .collect();
    assert_eq!(names, BTreeSet::from(["NotInstalled", "not_there"].map(str::to_owned)));
}

#[test]
fn postgres() {
    let scene = Scene::start();
    let session = std::fs::read(artifacts::source("daemons/postgres/session.sql")).expect("the session");
    std::fs::write(scene.path("session.sql"), session).expect("a file in the scene");
    let seen = assert_exact("postgres", &scene, targets::postgres(&scene), 3, |daemon| {
        targets::await_postgres(daemon.address());
        for _ in 0..2 {
            let mut client = targets::psql(&scene, daemon.address(), &[&scene.path("session.sql")]);
            let _ = scene.run(&mut client).well();
        }
    });
    let Some(seen) = seen else { return };
    let names = distinct(&seen);
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with("alive_not_installed")), "{names:?}");
}
