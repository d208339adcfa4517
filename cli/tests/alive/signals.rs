//! Signals reach the command: those sent to alive alone once, those of the terminal not twice.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::scene::{Scene, text, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Starts `alive run` on a shell script and waits until the script says that it is ready.
fn start(scene: &Scene, flags: &[&str], script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = scene
        .alive()
        .arg("run")
        .args(flags)
        .args(["--", "bash", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut out), "ready");
    (child, out)
}

fn line(out: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn every_signal_that_a_daemon_understands_is_passed_on_once() {
    let scene = Scene::new();
    let script =
        "for s in HUP INT QUIT USR1 USR2 TERM; do trap \"echo $s\" $s; done; trap 'echo TERM; exit 9' TERM
        echo ready; while :; do sleep 0.02; done";
    let (child, mut out) = start(&scene, &[], script);
    for (signal, name) in [
        (Signal::SIGHUP, "HUP"),
        (Signal::SIGINT, "INT"),
        (Signal::SIGQUIT, "QUIT"),
        (Signal::SIGUSR1, "USR1"),
        (Signal::SIGUSR2, "USR2"),
        (Signal::SIGTERM, "TERM"),
    ] {
        send(&child, signal);
        assert_eq!(line(&mut out), name);
    }
    assert_eq!(wait(child).status.code(), Some(9));
}

#[test]
fn a_command_that_dies_by_the_signal_is_reported_so() {
    let scene = Scene::new();
    let (child, out) = start(&scene, &[], "echo ready; exec sleep 60");
    send(&child, Signal::SIGTERM);
    drop(out);
    assert_eq!(wait(child).status.code(), Some(128 + 15));
}

#[test]
fn no_signal_is_blocked_or_caught_in_the_command() {
    let scene = Scene::new();
    let output = scene.run(&[], &["grep", "-E", "^Sig(Blk|Cgt|Ign)", "/proc/self/status"]);
    let out = text(&output.stdout);
    let masks: Vec<&str> = out.lines().take(3).collect();
    for mask in &masks {
        assert!(mask.ends_with("0000000000000000"), "{masks:?}");
    }
    assert_eq!(masks.len(), 3);
}

#[test]
fn what_nohup_ignores_stays_ignored() {
    let scene = Scene::new();
    let alive = env!("CARGO_BIN_EXE_alive");
    let output = Command::new("nohup")
        .args([alive, "run", "--", "grep", "^SigIgn", "/proc/self/status"])
        .env("ALIVE_SHIM", &scene.shim)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = text(&output.stdout);
    assert!(out.starts_with("SigIgn:\t0000000000000001\n"), "hang-up alone: {out}");
}

#[test]
fn control_c_on_a_terminal_reaches_the_command_once() {
    let scene = Scene::new();
    let command = scene.script(
        "daemon",
        "#!/bin/bash\ntrap 'n=$((n+1)); echo INT $n' INT\necho ready\nfor i in $(seq 50); do sleep 0.02; done; echo total $n\n",
    );
    let typed = format!("{} run -- {}", env!("CARGO_BIN_EXE_alive"), command.display());
    let mut child = Command::new("script")
        .args(["-qec", &typed, "/dev/null"])
        .env("ALIVE_SHIM", &scene.shim)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while line(&mut out) != "ready" {}
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(b"\x03").unwrap();
    let total = out.lines().map(Result::unwrap).find(|line| line.starts_with("total"));
    assert_eq!(total.as_deref().map(str::trim_end), Some("total 1"));
    drop(keyboard);
    assert!(wait(child).status.success());
}

#[test]
fn with_follow_signals_reach_what_went_into_the_background() {
    let scene = Scene::new();
    let script = "(trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.02; done) & exit 0";
    let (child, mut out) = start(&scene, &["--follow"], script);
    // The shell in front has to be gone before the signal is meant for the one behind.
    std::thread::sleep(std::time::Duration::from_millis(700));
    send(&child, Signal::SIGTERM);
    assert_eq!(line(&mut out), "bye");
    assert_eq!(wait(child).status.code(), Some(0));
}
