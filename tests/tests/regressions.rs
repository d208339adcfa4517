//! What went wrong for somebody, with this program or with another interposer.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// An interposer that resolves the real function under a lock hangs the child for good when another
/// thread was inside that lock at the fork: the owner does not exist in the child.
#[test]
fn a_child_forked_while_a_thread_was_in_the_loader_does_not_hang() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let slow = scene.path("libslow.so");
    artifacts::library("slow", &slow, &[] as &[&str]);
    let _ = scene.run(scene.traced("loader_lock_at_fork").args([&slow, &code])).well();
    let _ = scene.events().the_load_of(&code);
}

/// php-fpm, postgres and sshd write their process title over the environment: configuration that
/// was not copied is gone then.
#[test]
fn a_daemon_that_overwrites_its_environment_is_still_heard() {
    let scene = Scene::start();
    let code = scene.file("late.pm");
    let _ = scene.run(scene.traced("environment_gone").arg(&code)).well();
    let _ = scene.events().the_load_of(&code);
}

/// A path may hold any byte but zero. Whatever it holds, an event stays one line of JSON.
#[test]
fn a_path_of_strange_bytes_is_one_event_on_one_line() {
    let scene = Scene::start();
    let names: [&[u8]; 4] =
        [b"new\nline.pm", b"escape\x1b[31m.pm", b"latin\xe9.pm", b"quote\"back\\slash\x7f.pm"];
    for name in names {
        let code = scene.file(OsStr::from_bytes(name));
        let _ = scene.run(scene.traced("fork").arg(&code)).well();
    }
    let events = scene.events();
    assert_eq!(events.of("load").count(), names.len(), "{}", events.told());
    let text = scene.events_text();
    assert!(!text.contains('\x1b'), "no control byte gets through");
    assert!(events.of("load").any(|load| load.path().as_os_str().as_bytes().ends_with(b"new\nline.pm")));
}

/// A path as long as the kernel takes does not fit a datagram whole, and must not break it.
#[test]
fn a_path_longer_than_a_datagram_is_cut_and_still_reported() {
    let scene = Scene::start();
    let folder = "d".repeat(200);
    let deep: std::path::PathBuf = std::iter::repeat_n(folder.as_str(), 15).collect();
    let code = scene.file(deep.join("late.pm"));
    let _ = scene.run(scene.traced("fork").arg(&code)).well();
    let events = scene.events();
    let loads: Vec<_> = events.of("load").collect();
    assert_eq!(loads.len(), 1, "{}", events.told());
    let (whole, told) = (code.display().to_string(), loads[0].text("path"));
    assert!(told.len() > 1000 && told.len() < whole.len() && whole.starts_with(told), "{told}");
}

/// Workers give up their user, their groups and sometimes their root directory. What is sent needs
/// no permission, and where there is no /proc the name is the caller's.
#[test]
fn a_worker_without_rights_and_in_another_root_is_still_heard() {
    if !needs::root() {
        return;
    }
    let scene = Scene::start();
    let code = scene.file("jail/late.pm");
    let _ = scene.run(scene.traced("confined").arg(scene.path("jail")).arg("late.pm")).well();
    let events = scene.events();
    let paths: Vec<_> = events.of("load").map(|load| load.text("path")).collect();
    assert_eq!(paths, ["/late.pm"], "{} inside its root; {}", code.display(), events.told());
}
