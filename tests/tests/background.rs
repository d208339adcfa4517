//! Daemons in their own daemon mode. The process in the background is the program: what it loads is
//! start-up, also after its fork. What its workers load is late, exactly as strace saw it.

use alive_tests::daemon::{Daemon, Start};
use alive_tests::expect::Score;
use alive_tests::scene::Scene;
use alive_tests::targets;

/// Rounds of requests.
const ROUNDS: usize = 4;

/// Starts a daemon that goes into the background, uses it, stops it, and compares its workers' loads.
/// The main process may have told of loads only while whoever forked it was there to be seen.
fn assert_workers_exact(what: &str, scene: &Scene, start: Option<Start>, use_it: impl Fn(&Daemon)) {
    let Some(start) = start else { return };
    let daemon = Daemon::start(scene, start);
    use_it(&daemon);
    let mut seen = daemon.stop();
    let events = scene.events();

    // The main process and those between it and the first one: a double fork has one.
    let mut main = vec![seen.main];
    while let Some(forker) = main.last().and_then(|pid| seen.forkers.get(pid)) {
        main.push(*forker);
    }
    assert!(main.len() > 1, "{what}: {} did not go into the background", seen.main);
    let (mut told, mut blamed, mut truly) = (events.loaded_by_pid(), 0, 0);
    for pid in &main {
        blamed += told.remove(pid).map_or(0, |files| files.len());
        truly += seen.loads.remove(pid).map_or(0, |files| files.len());
    }
    println!("{what}: of {truly} files that the main process loaded after its fork {blamed} were told");
    // Whoever forked it may go between the shim's question and the datagram: that load is then its last.
    for pid in &main {
        let forker = seen.forkers.get(pid).copied().map(u64::from);
        let told: Vec<_> = events.of("load").filter(|load| load.pid() == *pid).collect();
        for load in told.split_last().map_or(&[][..], |(_, before)| before) {
            assert_eq!(
                Some(load.number("ppid")),
                forker,
                "{what}: told though nobody waited: {}",
                events.told()
            );
        }
    }
    for load in events.of("load").filter(|load| !main.contains(&load.pid())) {
        let forker = seen.forkers.get(&load.pid());
        assert_eq!(forker, Some(&seen.main), "{what}: a worker of the main process: {}", events.told());
    }
    let score = Score::new(&seen.loads, &told);
    if seen.loads.is_empty() && told.is_empty() {
        println!("{what}: its workers loaded nothing, and nothing was told");
    } else {
        score.assert_exact(what);
    }
}

fn ask(paths: &[&str]) -> impl Fn(&Daemon) {
    move |daemon| {
        for _ in 0..ROUNDS {
            daemon.ask_all(paths);
        }
    }
}

#[test]
fn gunicorn_with_preload_and_imports_at_start() {
    let scene = Scene::start();
    let pid_file = scene.path("gunicorn.pid");
    let file = pid_file.display().to_string();
    let start = targets::gunicorn(&scene, &["--daemon", "--preload", "--pid", &file], true);
    let start = start.map(|start| Start { pid_file: Some(pid_file), ..start });
    assert_workers_exact("gunicorn -D --preload", &scene, start, ask(&["/", "/json", "/sql", "/late"]));
}

#[test]
fn gunicorn_with_imports_at_requests() {
    let scene = Scene::start();
    let pid_file = scene.path("gunicorn.pid");
    let file = pid_file.display().to_string();
    let start = targets::gunicorn(&scene, &["--daemon", "--pid", &file], false);
    let start = start.map(|start| Start { pid_file: Some(pid_file), ..start });
    assert_workers_exact("gunicorn -D", &scene, start, ask(&["/", "/json", "/sql", "/native", "/late"]));
}

#[test]
fn starman() {
    let scene = Scene::start();
    let pid_file = scene.path("starman.pid");
    let file = pid_file.display().to_string();
    let start = targets::starman(&scene, &["--daemonize", "--preload-app", "--pid", &file]);
    let start = start.map(|start| Start { pid_file: Some(pid_file), ..start });
    assert_workers_exact("starman --daemonize", &scene, start, ask(&["/", "/json", "/native", "/text"]));
}

#[test]
fn php_fpm() {
    let scene = Scene::start();
    let start = targets::php_fpm(&scene, "-D");
    assert_workers_exact("php-fpm -D", &scene, start, |daemon| {
        for _ in 0..ROUNDS {
            targets::ask_php(&scene, daemon.address(), &["/", "/include", "/class", "/no-class"]);
        }
    });
}

#[test]
fn spamd() {
    let scene = Scene::start();
    let Some(start) = targets::spamd(&scene) else { return };
    std::fs::write(scene.path("message"), "Subject: x\n\nwell\n").expect("a file in the scene");
    assert_workers_exact("spamd -d", &scene, Some(start), |daemon| {
        let port = daemon.address().port().to_string();
        let message = std::fs::File::open(scene.path("message")).expect("the message");
        let mut client = scene.command(std::path::Path::new("/usr/bin/spamc"));
        let told = client.args(["-d", "127.0.0.1", "-p", &port, "-E"]).stdin(message).output();
        let told = told.expect("spamc is a program");
        assert!(told.stdout.windows(7).any(|part| part == b"X-Spam-"), "{told:?}\n{}", daemon.told());
    });
}

#[test]
fn uwsgi() {
    let scene = Scene::start();
    let start = targets::uwsgi(&scene);
    assert_workers_exact("uwsgi --daemonize", &scene, start, ask(&["/", "/json", "/sql", "/late"]));
}
