//! Real daemons, under the shim and under strace in one run, compared process by process: every
//! late load is reported, and nothing else is.
//!
//! A new daemon is an application in `daemons/NAME/` and a test here.

use std::path::Path;

use alive_tests::daemon::{Daemon, STRACE, free_address};
use alive_tests::expect::Score;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};

/// Rounds of requests: enough for both of two workers to have answered every path, whoever wins.
const ROUNDS: usize = 6;

/// Starts a daemon, asks it for everything several times, stops it, and compares.
fn assert_exact(name: &str, program: &str, args: &[&str], address: std::net::SocketAddr, scene: &Scene) {
    let paths: &[&str] = match name {
        "gunicorn" => &["/", "/json", "/xml", "/sql", "/native", "/threads", "/process", "/optional"],
        _ => &["/", "/json", "/native", "/text", "/dump", "/files", "/process", "/optional"],
    };
    let daemon = Daemon::start(scene, Path::new(program), args, address);
    for _ in 0..ROUNDS {
        daemon.ask_all(paths);
    }
    let truth = daemon.stop();
    let busy = truth.values().filter(|files| files.len() >= 10).count();
    assert!(busy >= 2, "{name}: only {busy} workers loaded ten files or more");
    Score::new(&truth, &scene.events().loaded_by_pid()).assert_exact(name);
}

#[test]
fn gunicorn_with_flask() {
    let programs = [STRACE, "/usr/bin/python3", "/usr/bin/gunicorn", "/usr/lib/python3/dist-packages/flask"];
    if !needs::installed("strace gunicorn python3-flask", &programs) {
        return;
    }
    let scene = Scene::start();
    let application = std::fs::read(artifacts::source("daemons/gunicorn/app.py")).expect("the application");
    // In the scene, so that Python may write its __pycache__ there.
    std::fs::write(scene.path("app.py"), application).expect("a file in the scene");
    let address = free_address();
    let bind = address.to_string();
    let args = ["/usr/bin/gunicorn", "--workers", "2", "--bind", &bind, "app:app"];
    assert_exact("gunicorn", "/usr/bin/python3", &args, address, &scene);
}

#[test]
fn starman() {
    if !needs::installed("strace starman", &[STRACE, "/usr/bin/perl", "/usr/bin/starman"]) {
        return;
    }
    let scene = Scene::start();
    let application = artifacts::source("daemons/starman/app.psgi").display().to_string();
    let address = free_address();
    let listen = address.to_string();
    let args = ["/usr/bin/starman", "--workers", "2", "--listen", &listen, &application];
    assert_exact("starman", "/usr/bin/perl", &args, address, &scene);
}
