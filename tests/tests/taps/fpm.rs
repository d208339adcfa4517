//! The client for PHP in php-fpm, whose workers live for many requests and forget everything between two.

use std::path::Path;
use std::time::{Duration, Instant};

use alive_tests::running::Running;
use alive_tests::scene::Scene;
use alive_tests::{artifacts, needs};
use nix::sys::signal::Signal;

use crate::client;

const CLIENT: &str = "/usr/bin/cgi-fcgi";

/// Asks a worker for the script once, by its socket.
fn ask(scene: &Scene, script: &Path) -> String {
    let mut client = scene.command(Path::new(CLIENT));
    client.args(["-bind", "-connect"]).arg(scene.path("fpm.sock"));
    client.env("SCRIPT_FILENAME", script).env("SCRIPT_NAME", "/cart.php").env("REQUEST_METHOD", "GET");
    scene.run(&mut client).well().said()
}

#[test]
fn a_worker_of_php_fpm_tells_once_for_each_request_where_its_pool_lets_the_address_through() {
    let Some(program) = needs::versioned("php-fpm", "/usr/sbin/php-fpm*") else { return };
    if !needs::installed("libfcgi-bin", &[CLIENT]) {
        return;
    }
    let scene = Scene::start();
    let library = artifacts::source("../clients/php/alive_tap.php").canonicalize().expect("a client");
    let script = scene.file("cart.php");
    std::fs::write(
        &script,
        format!(
            "<?php\nrequire '{}';\nfunction total() {{ AliveTap::tap('from.fpm', ['order' => 17]); }}\n\
             total();\ntotal();\nheader('X-Alive: none');\necho 'done';\n",
            library.display()
        ),
    )
    .expect("a file in the scene");
    for (passes, hits) in [("", 0), ("env[ALIVE_ADDR] = $ALIVE_ADDR\n", 2)] {
        let user = if nix::unistd::geteuid().is_root() { "user = root\ngroup = root\n" } else { "" };
        let settings = format!(
            "[global]\nerror_log = {}\n[www]\n{user}listen = {}\npm = static\npm.max_children = 1\n{passes}",
            scene.path("fpm.log").display(),
            scene.path("fpm.sock").display(),
        );
        std::fs::write(scene.path("fpm.conf"), settings).expect("a file in the scene");
        let mut command = scene.command(&program);
        command.args(["-R", "-F", "-y"]).arg(scene.path("fpm.conf"));
        let daemon = Running::start(&scene, command.env("ALIVE_ADDR", scene.address().to_string()));
        let until = Instant::now() + Duration::from_secs(30);
        while !scene.path("fpm.sock").exists() {
            assert!(Instant::now() < until, "php-fpm does not listen: {}", daemon.told());
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..2 {
            let answer = ask(&scene, &script);
            assert!(answer.ends_with("done"), "{answer}");
        }
        daemon.signal(Signal::SIGTERM);
        let _ = daemon.end();
        let told = client::pings(&scene, "from.fpm");
        assert_eq!(told.len(), hits, "with {passes:?}: {told:?}");
        assert!(told.iter().all(|hit| hit.text("service") == "cart.php"), "{told:?}");
    }
}
