//! The shell functions in shells that cannot send by themselves.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

use crate::client;

/// The program in dash, with only the scene's own `bin` to look for commands in.
fn in_dash(scene: &Scene, mode: &str) -> Option<Command> {
    if !needs::installed("dash", &["/bin/dash"]) {
        return None;
    }
    std::fs::create_dir_all(scene.path("bin")).expect("a folder in the scene");
    let mut command = scene.command(Path::new("/bin/dash"));
    command.arg(artifacts::source("programs/taps/tap.sh")).arg(mode);
    command.env("CLIENT", artifacts::source("../clients/shell/alive_tap.sh"));
    command.env("PATH", scene.path("bin")).env("ALIVE_ADDR", scene.address().to_string());
    Some(command)
}

#[test]
fn without_nc_a_plain_shell_sends_nothing_and_says_nothing() {
    let scene = Scene::start();
    for mode in ["once", "fork", "strict"] {
        let Some(mut command) = in_dash(&scene, mode) else { return };
        let outcome = scene.run(&mut command).well();
        assert_eq!((outcome.said().as_str(), outcome.stderr.as_slice()), ("done\n", &b""[..]), "{mode}");
    }
    assert!(client::pings(&scene, "checkout.legacy").is_empty());
}

#[test]
fn with_nc_a_plain_shell_sends_by_it() {
    let scene = Scene::start();
    let Some(mut command) = in_dash(&scene, "once") else { return };
    // What there is of a netcat differs from machine to machine, so the test brings one.
    let nc = scene.path("bin/nc");
    std::fs::write(&nc, "#!/bin/bash\n[ \"$1 $2 $3\" = '-u -w 1' ] && /bin/cat > \"/dev/udp/$4/$5\"\n")
        .expect("a file in the scene");
    std::fs::set_permissions(&nc, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    // Not by the scene, which ends what a program leaves behind: nc runs in the background, and may still be
    // at it.
    let outcome = command.output().expect("dash runs");
    assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_slice()), (&b"done\n"[..], &b""[..]));
    let until = Instant::now() + Duration::from_secs(15);
    while client::pings(&scene, "every.time").len() < 3 {
        assert!(Instant::now() < until, "{}", scene.events().told());
        std::thread::sleep(Duration::from_millis(20));
    }
    let hits = client::pings(&scene, "checkout.legacy");
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert!(hit.member("caller")["file"].as_str().is_some_and(|file| file.ends_with("tap.sh")), "{hit:?}");
}

#[test]
fn a_strict_shell_goes_on() {
    for scene in [Scene::start(), Scene::without_collector()] {
        let Some(mut command) = client::BASH.command(&scene, "strict") else { return };
        assert_eq!(scene.run(&mut command).well().said(), "done\n");
    }
}
