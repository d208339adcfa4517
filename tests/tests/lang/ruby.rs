//! Ruby's lines against `caller_locations`, in programs and in servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use alive_tests::daemon::free_address;
use alive_tests::events::Event;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;

use crate::account::{Account, assert_share, places};
use crate::served::Served;

const RUBY: &str = "/usr/bin/ruby";

/// Pages of the application, but for the framework's, and how often each is asked for at the same time.
const PAGES: &[&str] = &[
    "/plain",
    "/relative",
    "/load",
    "/nested",
    "/autoload",
    "/template",
    "/thread",
    "/fiber",
    "/library",
    "/optional",
];
const TIMES: usize = 4;

/// The page of the framework: two hundred files more, so it is asked for once.
const FRAMEWORK: &str = "/framework";

/// Files of the application that a worker loads at its requests, but for the framework's.
const FILES: usize = 11;

/// Places that had a file read and were gone when it ran.
fn is_reader(place: &str) -> bool {
    place.contains("/bootsnap/compile_cache/")
}

/// Code that is read as such. A list of what is installed, and what rackup is given, are read like data,
/// with Ruby's lock given up: then nothing of it may be looked at.
fn is_code(event: &Event) -> bool {
    let suffix = event.path().extension().unwrap_or_default();
    event.text("language") == "ruby" && suffix != "gemspec" && suffix != "ru"
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder in the scene");
    for entry in std::fs::read_dir(from).expect("the application's folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file in the scene");
        }
    }
}

/// A scene with the application, whose account is kept in the scene's folder.
fn application(scene: &Scene) -> PathBuf {
    let folder = scene.path("ruby");
    copy(&artifacts::source("daemons/ruby_lines"), &folder);
    copy(&artifacts::source("programs/ruby"), &folder);
    folder.join("config.ru")
}

fn traced(scene: &Scene, words: &[&str]) -> Command {
    let mut command = scene.traced_command(Path::new(RUBY));
    command.args(words).env("ACCOUNT", scene.path("account"));
    command
}

#[test]
fn every_place_that_code_can_ask_from_is_the_one_that_ruby_names() {
    if !needs::installed("ruby", &[RUBY]) {
        return;
    }
    let scene = Scene::start();
    copy(&artifacts::source("programs/ruby"), &scene.path(""));
    artifacts::library("in_c", &scene.path("in_c.so"), &["-Wl,--unresolved-symbols=ignore-all"]);
    let _ = scene.run(&mut traced(&scene, &["-W0", "asks.rb"])).well();
    let (account, events) = (Account::read(&scene.path("account")), scene.events());
    let agreement = account.compare(&events, is_reader);
    assert_eq!(agreement.files, account.files(), "each of them is a load: {}", events.told());
    agreement.assert_all("ruby", 57);
    assert_share("ruby", &events, is_code);
}

/// Starts a server, asks for its pages, and holds what it told against its own account.
fn assert_agrees(
    what: &str,
    scene: &Scene,
    command: &mut Command,
    address: std::net::SocketAddr,
    end: Signal,
) {
    let served = Served::start(scene, command, address);
    for _ in 0..2 {
        served.ask_all(PAGES, TIMES);
    }
    if what == "puma preload_app!" {
        served.ask_all(&[FRAMEWORK], 1);
    }
    served.stop(end);
    let events = scene.events();
    let account = Account::read(&scene.path("account"));
    let agreement = account.compare(&events, is_reader);
    assert!(agreement.files >= FILES, "{what}: {} files; {}", agreement.files, events.told());
    agreement.assert_all(what, 2 * FILES);
    assert_share(what, &events, is_code);
    if what.contains("bootsnap") {
        // It knows what is there without looking.
        return;
    }
    let missing = events.of("missing").find(|event| event.text("name") == "acme_not_installed");
    let missing = places(missing.unwrap_or_else(|| panic!("{what}: it was looked for: {}", events.told())));
    let asked = missing.iter().any(|place| place.contains("/config.ru:"));
    assert!(asked, "{what}: the application asked for what is missing: {missing:?}");
}

/// Puma with two workers of five threads.
fn assert_puma_agrees(what: &str, configuration: &str, loader: &str) {
    if !needs::installed("puma", &[RUBY, "/usr/bin/puma"]) {
        return;
    }
    let scene = Scene::start();
    let rackup = application(&scene);
    let address = free_address();
    let file = scene.path("puma.rb");
    let text = format!(
        "workers 2\nthreads 5, 5\nbind \"tcp://{address}\"\nenvironment \"production\"\n{configuration}"
    );
    std::fs::write(&file, text).expect("a file in the scene");
    let words = ["/usr/bin/puma", "-C", &file.display().to_string(), &rackup.display().to_string()];
    let mut command = traced(&scene, &words);
    assert_agrees(what, &scene, command.env("LOADER", loader), address, Signal::SIGTERM);
}

#[test]
fn puma() {
    assert_puma_agrees("puma", "", "");
}

#[test]
fn puma_with_preload_app() {
    assert_puma_agrees("puma preload_app!", "preload_app!\n", "");
}

#[test]
fn puma_with_zeitwerk() {
    let there =
        needs::versioned("ruby-zeitwerk", "/usr/share/rubygems-integration/all/specifications/zeitwerk-*");
    if there.is_some() {
        assert_puma_agrees("puma, zeitwerk", "preload_app!\n", "zeitwerk");
    }
}

#[test]
fn puma_with_bootsnap() {
    let there = needs::versioned("ruby-bootsnap", "/usr/lib/ruby/vendor_ruby/bootsnap*");
    if there.is_some() {
        assert_puma_agrees("puma, bootsnap", "preload_app!\n", "bootsnap");
    }
}

#[test]
fn unicorn() {
    if !needs::installed("unicorn", &[RUBY, "/usr/bin/unicorn"]) {
        return;
    }
    let scene = Scene::start();
    let rackup = application(&scene).display().to_string();
    let address = free_address();
    let file = scene.path("unicorn.rb");
    std::fs::write(&file, "worker_processes 2\ntimeout 300\npreload_app true\n")
        .expect("a file in the scene");
    let (listen, file) = (address.to_string(), file.display().to_string());
    let words = ["/usr/bin/unicorn", "-E", "production", "-l", &listen, "-c", &file, &rackup];
    assert_agrees("unicorn", &scene, &mut traced(&scene, &words), address, Signal::SIGQUIT);
}
