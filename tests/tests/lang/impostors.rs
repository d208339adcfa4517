//! Libraries that look like an interpreter and are none, or one that is broken: the program goes on as
//! if nobody looked, and what cannot be read is said to be, with the reason.

use std::path::Path;

use alive_tests::artifacts;
use alive_tests::events::Event;
use alive_tests::scene::Scene;

/// What the two loads of an impostor's process tell: the frames of a stack, or why there are none.
fn told(event: &Event) -> String {
    let reason = event.text("no_lines");
    if !reason.is_empty() {
        return reason.to_owned();
    }
    let frames = event.member("frames").as_array().cloned().unwrap_or_default();
    let words: Vec<String> = frames
        .iter()
        .take(2)
        .map(|frame| {
            let word = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
            format!("{}:{} {}", word("file"), frame["line"], word("function"))
        })
        .collect();
    words.join(" < ")
}

/// Lets the library of this name, compiled with `words`, be each of these, and compares what is told.
fn assert_told(library: &str, words: &[&str], suffix: &str, expected: &[(&str, &str)]) {
    let scene = Scene::start();
    let object = scene.path("libimpostor.so");
    artifacts::library(library, &object, words);
    let of = |mode: &str| scene.path(format!("{mode}.{suffix}"));
    for (mode, _) in expected {
        std::fs::write(of(mode), "").expect("a file in the scene");
        let run = |command: &mut std::process::Command| {
            scene.run(command.arg(&object).arg(mode).args([of(mode), of(mode)])).well()
        };
        let with = run(&mut scene.traced("impostor"));
        assert_eq!(with, run(&mut scene.plain("impostor")), "{mode}: the same with and without the shim");
    }
    let events = scene.events();
    for (mode, expected) in expected {
        let loads = events.loads_of(Path::new(&of(mode)));
        let told: Vec<String> = loads.into_iter().map(told).collect();
        assert_eq!(told, [*expected, *expected], "{mode}: the first load, read carefully, and the second");
    }
}

#[test]
fn a_library_that_poses_as_ruby() {
    const WELL: &str = "/impostor/app.rb:17 checkout";
    assert_told(
        "impostor_ruby",
        &[],
        "rb",
        &[
            ("well", WELL),
            ("evaluated", WELL),
            ("evaluated-somewhere", "/impostor/method.rb:17 checkout"),
            ("not-its-thread", "not-running"),
            ("without-lock", "no-lock"),
            ("newer", "unknown-version"),
            ("older", "unknown-version"),
            ("two-versions", "unknown-build"),
            ("no-frames", "not-running"),
            ("too-many-frames", "unexpected"),
            ("fewer-than-none", "unexpected"),
            ("no-line", "not-running"),
            ("negative-line", "not-running"),
            ("frame-is-nil", "unexpected"),
            ("frame-is-nowhere", WELL),
            ("path-is-nil", "not-running"),
            ("path-is-nowhere", "unexpected"),
            ("path-is-no-string", "unexpected"),
            ("label-is-nil", "/impostor/app.rb:17 "),
            ("label-is-no-string", "unexpected"),
            ("text-is-nowhere", "unexpected"),
            ("text-beyond-its-end", "unexpected"),
            ("text-elsewhere", "unexpected"),
            ("endless-text", "unexpected"),
            ("thread-is-nowhere", "unexpected"),
            ("context-is-nowhere", WELL),
            ("stack-is-nowhere", WELL),
            ("endless-stack", WELL),
        ],
    );
    assert_told("impostor_ruby", &["-DWITHOUT_LOCK"], "rb", &[("well", "no-symbols")]);
}

#[test]
fn a_library_that_poses_as_php() {
    const WELL: &str = "/impostor/app.php:17 Cart::total < /impostor/app.php:3 ";
    const TOP: &str = "/impostor/app.php:17 ";
    assert_told(
        "impostor_php",
        &[],
        "php",
        &[
            ("7.4", WELL),
            ("8.2", WELL),
            ("8.4", WELL),
            ("late", WELL),
            ("idle", "not-running"),
            ("older", "unknown-version"),
            ("newer", "unknown-version"),
            ("no-version", "unknown-version"),
            ("no-file", "not-running"),
            ("file-is-nowhere", "unexpected"),
            ("another-file", "/impostor/other.php:17 "),
            ("another-line", "/impostor/app.php:99 "),
            ("no-frame", TOP),
            ("frame-is-nowhere", TOP),
            ("odd-frame", TOP),
            ("code-is-nowhere", TOP),
            ("line-is-nowhere", TOP),
            ("endless-frames", TOP),
            ("recursion", "/impostor/app.php:17 Cart::total < /impostor/app.php:17 Cart::total"),
            ("name-is-nowhere", "unexpected"),
            ("endless-name", "unexpected"),
            ("name-without-end", "unexpected"),
            ("caller-is-nowhere", "unexpected"),
        ],
    );
    assert_told("impostor_php", &["-DTHREAD_SAFE"], "php", &[("8.2", "unknown-build")]);
}
