//! PHP's lines against `debug_backtrace`, in programs and in php-fpm.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use alive_tests::daemon::free_address;
use alive_tests::events::Event;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;

use crate::account::{Account, assert_share, places};
use crate::served::Served;

const PHP: &str = "/usr/bin/php";

/// Files that each process includes.
const FILES: usize = 45;

/// A search without a probe for so long is over, and a bit.
const SEARCH_IS_OVER: Duration = Duration::from_millis(350);

/// Code that other code asks for. The script that a request is for, or that is run before all requests, is
/// opened before any runs.
fn is_code(event: &Event) -> bool {
    let is_script = ["index.php", "preload.php"].iter().any(|name| event.path().ends_with(name));
    assert!(!is_script || event.text("no_lines") == "not-running", "nobody asked for it: {event:?}");
    event.text("language") == "php" && !is_script
}

/// A scene with the program, in a folder where any user may write.
pub(crate) fn scene() -> Scene {
    let scene = Scene::start();
    let everyone = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("the scene's own");
    };
    everyone(&scene.path(""));
    std::fs::create_dir(scene.path("php")).expect("a folder in the scene");
    everyone(&scene.path("php"));
    for name in ["asks.php", "places.php"] {
        let copied =
            std::fs::copy(artifacts::source(&format!("programs/php/{name}")), scene.path("php").join(name));
        copied.expect("a file in the scene");
    }
    std::fs::write(scene.path("php/account"), "").expect("a file in the scene");
    std::fs::set_permissions(scene.path("php/account"), std::fs::Permissions::from_mode(0o666))
        .expect("the scene's own");
    scene
}

/// Holds what was told against the program's own account.
fn assert_agrees(what: &str, scene: &Scene, processes: usize) {
    let (account, events) = (Account::read(&scene.path("php/account")), scene.events());
    let agreement = account.compare(&events, |_| false);
    assert!(agreement.files >= processes * FILES, "{what}: {} files; {}", agreement.files, events.told());
    agreement.assert_all(what, processes * FILES);
    assert_share(what, &events, is_code);
    let missing: Vec<&Event> =
        events.of("missing").filter(|event| event.text("name").ends_with("/not_there")).collect();
    assert!(!missing.is_empty(), "{what}: it was looked for: {}", events.told());
    for event in missing {
        let asked = places(event).first().is_some_and(|place| place.contains("/places.php:"));
        assert!(asked, "{what}: {:?}", places(event));
    }
}

fn assert_program_agrees(what: &str, options: &[&str]) {
    if !needs::installed("php-cli", &[PHP]) {
        return;
    }
    let scene = scene();
    let mut command = scene.traced_command(Path::new(PHP));
    let _ = scene.run(command.args(options).arg(scene.path("php/asks.php"))).well();
    assert_agrees(what, &scene, 1);
}

#[test]
fn every_place_that_code_can_ask_from_is_the_one_that_php_names() {
    assert_program_agrees("php", &["-d", "opcache.enable_cli=0"]);
}

#[test]
fn compiled_code_asks_from_the_same_places() {
    let options = ["opcache.enable_cli=1", "opcache.jit=tracing", "opcache.jit_buffer_size=16M"];
    let options: Vec<&str> = options.iter().flat_map(|option| ["-d", option]).collect();
    assert_program_agrees("php with opcache and compiler", &options);
}

/// php-fpm with two workers, which change their user when this is root; false when it is not installed.
fn assert_fpm_agrees(what: &str, scene: &Scene, options: &[&str]) -> bool {
    let client = "/usr/bin/cgi-fcgi";
    if !needs::installed("libfcgi-bin", &[client]) {
        return false;
    }
    let Some(program) = needs::versioned("php-fpm", "/usr/sbin/php-fpm*") else { return false };
    std::fs::write(scene.path("php/index.php"), "<?php\nrequire __DIR__ . '/places.php';\nask();\n")
        .expect("a file in the scene");
    let address = free_address();
    let user = if nix::unistd::geteuid().is_root() { "user = www-data\ngroup = www-data\n" } else { "" };
    let text = format!(
        "[global]\nerror_log = {}\n[www]\n{user}listen = {address}\npm = static\npm.max_children = 2\n",
        scene.path("php.log").display(),
    );
    std::fs::write(scene.path("fpm.conf"), text).expect("a file in the scene");
    let mut command = scene.traced_command(&program);
    let options = options.iter().flat_map(|option| ["-d", option]);
    command.args(["-F", "-y"]).arg(scene.path("fpm.conf")).args(options);
    let served = Served::start(scene, &mut command, address);
    let ask = || {
        let mut client = scene.command(Path::new(client));
        client.args(["-bind", "-connect", &address.to_string()]);
        client.env("SCRIPT_FILENAME", scene.path("php/index.php")).env("REQUEST_METHOD", "GET");
        let said = scene.run(&mut client).well().said();
        assert!(said.contains("Content-type") && !said.contains("Fatal"), "{said}");
    };
    // Its workers leave without the handlers of exit, so a search has to be over before, and be followed by
    // another call.
    for pause in [SEARCH_IS_OVER, Duration::ZERO] {
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(ask);
            }
        });
        std::thread::sleep(pause);
    }
    served.stop(Signal::SIGQUIT);
    assert_agrees(what, scene, 1);
    true
}

/// What is run before all requests; it writes its own account, because a function that is defined there is
/// there for good.
const PRELOAD: &str = "<?php
namespace Early;
function load() {
    require __DIR__ . '/early.php';
}
load();
";
const EARLY: &str = r#"<?php
$places = array_map(fn ($frame) => "$frame[file]:$frame[line]", debug_backtrace());
file_put_contents(__DIR__ . '/account', implode(' ', array_map('bin2hex', [__FILE__, ...$places])) . "\n", FILE_APPEND);
"#;

#[test]
fn php_fpm_with_preloaded_code() {
    // Only as root does it fork a process of another user to preload.
    if !needs::root() {
        return;
    }
    let scene = scene();
    std::fs::write(scene.path("php/preload.php"), PRELOAD).expect("a file in the scene");
    std::fs::write(scene.path("php/early.php"), EARLY).expect("a file in the scene");
    let preload = format!("opcache.preload={}", scene.path("php/preload.php").display());
    let options = ["opcache.enable=1", "opcache.preload_user=www-data", &preload];
    if !assert_fpm_agrees("php-fpm with preloaded code", &scene, &options) {
        return;
    }
    let early = scene.path("php/early.php");
    let events = scene.events();
    let preload = scene.path("php/preload.php").display().to_string();
    assert_eq!(places(events.loads_of(&early)[0]), [format!("{preload}:4"), format!("{preload}:6")]);
}

#[test]
fn php_fpm() {
    let _ = assert_fpm_agrees("php-fpm", &scene(), &["opcache.enable=0"]);
}

#[test]
fn php_fpm_with_opcache() {
    let _ = assert_fpm_agrees(
        "php-fpm with opcache",
        &scene(),
        &["opcache.enable=1", "opcache.revalidate_freq=0"],
    );
}
