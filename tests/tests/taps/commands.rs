//! `alive ping` and `alive taps`, from a hit to what a person reads.

use std::process::Command;

use alive_tests::artifacts;
use alive_tests::scene::Scene;
use serde_json::Value;

use crate::client;

fn alive(scene: &Scene, words: &[&str]) -> Command {
    let mut command = scene.command(&artifacts::built("alive"));
    command.args(words).env("ALIVE_ADDR", scene.address().to_string());
    command
}

/// `alive taps` over the scene's database, as JSON.
fn taps(scene: &Scene, words: &[&str]) -> Value {
    let mut command = alive(scene, &["taps", "--format", "json", "--db"]);
    let outcome = scene.run(command.arg(scene.path("alive.db")).args(words)).well();
    serde_json::from_slice(&outcome.stdout).expect("JSON")
}

#[test]
fn a_ping_from_a_script_is_a_hit_of_the_script() {
    let scene = Scene::start();
    let words = ["ping", "backup.ran", "file=/etc/cron.daily/backup", "line=3", "size=17 MB\n"];
    let outcome = scene.run(alive(&scene, &words).env("ALIVE_NAME", "cron")).well();
    assert_eq!((outcome.said().as_str(), outcome.stderr.as_slice()), ("", &b""[..]));
    let hits = client::pings(&scene, "backup.ran");
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!(hit.pid(), std::process::id(), "whoever ran it");
    assert_eq!(hit.member("caller")["line"], 3);
    assert_eq!((hit.text("service"), &hit.member("context")["size"]), ("cron", &Value::from("17 MB\n")));
    let _ = scene.run(alive(&scene, &["ping", "backup.ran"]).env("ALIVE_OFF", "1")).well();
    assert_eq!(client::pings(&scene, "backup.ran").len(), 1);
}

#[test]
fn a_ping_by_a_socket_in_the_file_system_comes_from_whom_the_kernel_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, db) = (folder.path().join("collector.sock"), folder.path().join("alive.db"));
    let mut collector = Command::new(artifacts::built("alive-collector"))
        .args(["--listen", "127.0.0.1:0", "--unix"])
        .arg(&socket)
        .arg("--db")
        .arg(&db)
        .spawn()
        .expect("a collector");
    let address = format!("unix:{}", socket.display());
    let ping = |words: &[&str]| {
        let alive = artifacts::built("alive");
        let status = Command::new(alive).arg("ping").args(words).env("ALIVE_ADDR", &address).status();
        assert!(status.expect("the command").success());
    };
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    ping(&["backup.ran"]);
    ping(&["backup.forged", "pid=1"]);
    let pid = nix::unistd::Pid::from_raw(collector.id().try_into().expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    assert!(collector.wait().expect("its status").success());
    let snapshot = alive_store::snapshot(&db).expect("a database");
    let names: Vec<_> = snapshot.pings.iter().map(|ping| ping.name.as_slice()).collect();
    assert_eq!((names.as_slice(), snapshot.loss.forged), (&[&b"backup.ran"[..]][..], 1));
}

#[test]
fn a_source_tree_with_a_dead_and_a_live_tap() {
    let mut scene = Scene::start();
    let program = artifacts::source("programs/taps/tap.sh");
    let source = std::fs::read_to_string(&program).expect("a source");
    std::fs::create_dir_all(scene.path("shop")).expect("a folder in the scene");
    std::fs::write(scene.path("shop/live.sh"), source).expect("a file in the scene");
    std::fs::write(scene.path("shop/dead.pl"), "sub gone {\n\tAlive->tap('long.dead');\n}\n")
        .expect("a file");
    std::fs::write(scene.path("expected"), "# of the old shop\nlong.dead\nevery.time\n\nnever.written\n")
        .expect("a file in the scene");
    let mut shell = client::BASH.command(&scene, "once").expect("bash is everywhere");
    let _ = scene.run(&mut shell).well();
    assert_eq!(client::pings(&scene, "every.time").len(), 3);
    scene.stop_collector();

    let folder = scene.path("shop");
    let folder = folder.to_str().expect("UTF-8");
    let list = scene.path("expected");
    let told = taps(&scene, &["--scan", folder, "--expect", list.to_str().expect("UTF-8")]);
    let never: Vec<_> = told["never"].as_array().expect("a list").iter().collect();
    let names: Vec<_> = never.iter().map(|tap| tap["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["long.dead", "never.written"], "{told}");
    assert_eq!(never[0]["places"][0]["line"], 2, "{told}");
    assert!(never[0]["places"][0]["file"].as_str().is_some_and(|file| file.ends_with("shop/dead.pl")));
    assert_eq!(told["window"]["listens"], false);
    let live = told["taps"].as_array().expect("a list").iter().find(|tap| tap["name"] == "checkout.legacy");
    let live = live.unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&live["hits"], &live["processes"]), (&Value::from(1), &Value::from(1)), "{told}");

    let mut command = alive(&scene, &["taps", "--scan", folder, "--db"]);
    let table = scene.run(command.arg(scene.path("alive.db"))).well().said();
    for words in
        ["checkout.legacy  ", "Never hit: 1 of 3 expected taps:", "long.dead  ", "does not listen now"]
    {
        assert!(table.contains(words), "{words:?} in\n{table}");
    }
}

#[test]
fn the_same_tap_of_two_processes_is_hit_by_two() {
    let mut scene = Scene::start();
    let mut command = client::C.command(&scene, "fork").expect("needs no interpreter");
    let _ = scene.run(&mut command).well();
    assert_eq!(client::pings(&scene, "checkout.legacy").len(), 2);
    scene.stop_collector();
    let told = taps(&scene, &[]);
    let tap = told["taps"].as_array().expect("a list").iter().find(|tap| tap["name"] == "checkout.legacy");
    let tap = tap.unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&tap["hits"], &tap["processes"]), (&Value::from(2), &Value::from(2)), "{told}");
    assert_eq!(tap["services"][0], "tap", "{told}");
}

#[test]
fn where_nothing_was_hit_a_person_is_told_what_to_look_at() {
    let mut scene = Scene::start();
    scene.stop_collector();
    let mut command = alive(&scene, &["taps", "--since", "2999-01-01", "--db"]);
    let outcome = scene.run(command.arg(scene.path("alive.db")));
    assert_eq!(outcome.status.code(), Some(4));
    let told = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(told.contains("knows no hit of a tap since then") && told.contains("ALIVE_ADDR"), "{told}");
}
