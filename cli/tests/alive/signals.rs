//! Signals reach the command: those sent to alive alone once, those of the terminal not twice.

use std::io::BufReader;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::scene::{Scene, text, until, wait};
use crate::terminal::Terminal;
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
    // A byte at a time: what the reader took in advance would make room in the pipe.
    let mut out = BufReader::with_capacity(1, child.stdout.take().unwrap());
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
    // Not a shell: whether one runs its trap depends on how the command that it waits for ends.
    let script = r#"exec perl -e '
        $| = 1; $SIG{$_} = sub { print "$_[0]\n" } for qw(HUP INT QUIT USR1 USR2);
        $SIG{TERM} = sub { print "TERM\n"; exit 9 };
        print "ready\n"; select undef, undef, undef, 0.02 for 1..500'"#;
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
    let (child, out) = start(&scene, &[], "echo ready; exec sleep 15");
    send(&child, Signal::SIGTERM);
    drop(out);
    assert_eq!(wait(child).status.code(), Some(128 + 15));
}

/// The signals that a process of its own finds blocked and ignored.
const MASKS: [&str; 3] = ["grep", "-E", "^Sig(Blk|Ign)"];

fn masks(mut command: Command) -> Vec<String> {
    let output = command.arg("/proc/self/status").stdin(Stdio::null()).output().unwrap();
    text(&output.stdout).lines().take(2).map(str::to_owned).collect()
}

#[test]
fn the_command_finds_blocked_and_ignored_what_it_would_find_without_alive() {
    let scene = Scene::new();
    for prefix in [&["env"][..], &["nohup"], &["env", "--block-signal=USR1", "--ignore-signal=QUIT"]] {
        let with = |middle: &[&str]| {
            let mut command = Command::new(prefix[0]);
            command.args(&prefix[1..]).args(middle).args(MASKS).env("ALIVE_SHIM", &scene.shim);
            masks(command)
        };
        let without_alive = with(&[]);
        assert_eq!(without_alive.len(), 2);
        assert_eq!(with(&[env!("CARGO_BIN_EXE_alive"), "run", "--"]), without_alive, "{prefix:?}");
    }
}

#[test]
fn control_c_on_a_terminal_reaches_the_command_once() {
    let scene = Scene::new();
    // Not a shell: whether one runs its trap depends on how the command that it waits for ends.
    // Half a second after the first signal a second one would have come. The terminal echoes ^C.
    let command = scene.script(
        "daemon",
        r#"#!/usr/bin/perl
        $| = 1; $SIG{INT} = sub { $n++ }; print "ready\n";
        for (1..500) { select undef, undef, undef, 0.02; last if $n and ++$after > 25 }
        print "\ntotal $n\n";"#,
    );
    let mut terminal = Terminal::run(&scene.alive(), &["run", "--", command.to_str().unwrap()]);
    terminal.until_shown("ready");
    terminal.type_in(b"\x03");
    terminal.until_shown("total ");
    terminal.until_shown("Preload:");
    assert!(terminal.shown().contains("total 1\r\n"), "{}", terminal.shown());
    assert!(terminal.ended_well());
}

#[test]
fn with_follow_signals_reach_what_went_into_the_background() {
    let scene = Scene::new();
    let script = "(trap 'echo bye; exit' TERM; echo ready; echo $BASHPID; for i in $(seq 500); do sleep 0.02; done) & exit 0";
    let (child, mut out) = start(&scene, &["--follow"], script);
    let behind = line(&mut out);
    // The shell in front has to be gone before the signal is meant for the one behind.
    until("alive has no other child", || children(child.id()) == [behind.clone()]);
    send(&child, Signal::SIGTERM);
    assert_eq!(line(&mut out), "bye");
    assert_eq!(wait(child).status.code(), Some(0));
}

/// The children of a process's threads, those that nobody has waited for among them.
fn children(pid: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Until a process waits in a write to its standard output.
fn wait_until_writing(child: &Child) {
    let begun = std::time::Instant::now();
    loop {
        // The number of the system call that it is in, then the arguments.
        let call = std::fs::read_to_string(format!("/proc/{}/syscall", child.id())).unwrap();
        if call.starts_with(&format!("{} 0x1 ", nix::libc::SYS_write)) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "it is in {call}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_signal_ends_alive_while_nobody_reads_its_report() {
    let scene = Scene::new();
    // More than a pipe holds: the report waits for its reader.
    let load = scene.report_a_load();
    let script = format!("{load}; echo ready; head -c 65000 /dev/zero");
    let (child, out) = start(&scene, &["--format", "json"], &script);
    wait_until_writing(&child);
    send(&child, Signal::SIGTERM);
    let ended = wait(child);
    drop(out);
    assert_eq!(ended.status.signal(), Some(15));
    let left = std::fs::read_dir(scene.folder.path()).unwrap();
    let left =
        left.filter(|entry| entry.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b"alive-"));
    assert_eq!(left.count(), 0, "the database is gone by then");
}
