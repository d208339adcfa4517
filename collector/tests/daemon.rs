//! The program itself: its signals, its exit statuses, and what a kill or a full disk leaves.

mod daemon_process;
mod scene;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use daemon_process::{Daemon, PROGRAM, command};
use nix::sys::signal::Signal;
use scene::{Folder, Tree, sender, until};

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, status: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn both_signals_write_the_last_events_and_end_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let folder = Folder::new();
        let mut daemon = Daemon::start(command(&folder.db()).arg("--events").arg(folder.events()));
        let socket = sender(daemon.address);
        let mut tree = Tree::new(100);
        socket.send(&tree.start(b"shop")).unwrap();
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
        assert_eq!(daemon.signal(signal).code(), Some(0), "{signal}");
        let snapshot = folder.snapshot();
        assert_eq!((snapshot.events, snapshot.unclean_ends), (2, 0), "{signal}");
        assert_eq!(fs::read_to_string(folder.events()).unwrap().lines().count(), 2, "{signal}");
        let mut names: Vec<_> =
            fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["t.db", "t.ndjson"], "{signal}");
    }
}

#[test]
fn events_go_to_standard_output_too() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(command(&folder.db()).args(["--events", "-"]).stdout(Stdio::piped()));
    sender(daemon.address).send(&Tree::new(100).start(b"shop")).unwrap();
    let mut line = String::new();
    BufReader::new(daemon.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["event"], &event["program"]), (&"start".into(), &"shop".into()));
    // The other end of the pipe is gone now; that is a loss, not an end.
    sender(daemon.address).send(&Tree::new(200).start(b"shop")).unwrap();
    daemon.hear("cannot write events");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = folder.snapshot();
    assert_eq!((snapshot.events, snapshot.loss.events_file), (2, 1));
}

#[test]
fn a_kill_loses_at_most_one_flush_interval_and_is_reported() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    let mut sent = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(3_500) {
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
        sent.push(Instant::now());
        thread::sleep(Duration::from_millis(5));
    }
    let killed = Instant::now();
    assert_eq!(daemon.signal(Signal::SIGKILL).signal(), Some(9));

    let database = rusqlite::Connection::open(folder.db()).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    drop(database);
    let snapshot = folder.snapshot();
    assert_eq!(snapshot.unclean_ends, 1);
    let stored = usize::try_from(snapshot.events).unwrap();
    // One second between two flushes, and half a one for a machine that has other work.
    let settled = sent.iter().filter(|at| killed.duration_since(**at) > Duration::from_millis(1_500)).count();
    assert!(settled > 100 && stored >= settled, "{settled} settled of {}, {stored} stored", sent.len());

    // The next collector sees from the first event how many were lost.
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    sender(daemon.address).send(&tree.load(1, b"/a.pm")).unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = folder.snapshot();
    assert_eq!(usize::try_from(snapshot.loss.sequence_gaps).unwrap(), sent.len() - stored);
    assert_eq!(snapshot.unclean_ends, 1);
}

#[test]
fn a_port_that_is_taken_is_told_and_leaves_no_database() {
    let folder = Folder::new();
    let daemon = Daemon::start(&mut command(&folder.db()));
    let other = folder.0.path().join("other.db");
    let address = daemon.address.to_string();
    let output = run(&["--listen", &address, "--db", other.to_str().unwrap()]);
    assert_refused(&output, 5, &format!("{address} is taken, perhaps by another collector"));
    assert!(!other.exists());
}

#[test]
fn addresses_that_others_can_reach_must_be_meant() {
    let folder = Folder::new();
    let db = folder.db();
    let db = db.to_str().unwrap();
    assert_refused(&run(&["--listen", "0.0.0.0:0", "--db", db]), 5, "--listen-public");
    assert!(!folder.db().exists());
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    assert_refused(&run(&["--listen", "here"]), 2, "--listen");
    assert_refused(&run(&["--no-such-option"]), 2, "--no-such-option");
}

#[test]
fn a_database_that_cannot_be_used_is_told() {
    let folder = Folder::new();
    let refused = |db: &Path, words: &str| {
        assert_refused(&command(db).output().unwrap(), 5, words);
    };
    refused(&folder.0.path().join("no/t.db"), "does not exist: create it");
    let text = folder.0.path().join("text");
    fs::write(&text, "no database at all, just words. ".repeat(50)).unwrap();
    refused(&text, "is not a database");
    let _daemon = Daemon::start(&mut command(&folder.db()));
    refused(&folder.db(), "another collector writes to");
}

#[test]
fn without_a_name_the_database_is_in_the_state_folder() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(
        Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0"])
            .env_remove("STATE_DIRECTORY")
            .env("XDG_STATE_HOME", folder.0.path()),
    );
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert!(alive_store::snapshot(&folder.0.path().join("alive/alive.db")).unwrap().programs.is_empty());
}

#[test]
fn a_database_that_is_taken_away_is_begun_anew_and_nothing_that_waits_is_lost() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    socket.send(&tree.start(b"shop")).unwrap();
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    until("the first load is stored", || folder.snapshot().events == 2);

    fs::rename(folder.db(), folder.0.path().join("away.db")).unwrap();
    for beside in ["t.db-wal", "t.db-shm", "t.db-lock"] {
        drop(fs::remove_file(folder.0.path().join(beside)));
    }
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    socket.send(&tree.load(2, b"/b.pm")).unwrap();
    daemon.hear("was removed or replaced");
    daemon.hear("can be written again");
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let program = folder.program();
    let mut loads: Vec<_> =
        program.loads.iter().map(|load| (load.path.as_slice(), load.events, load.processes)).collect();
    loads.sort_unstable();
    assert_eq!(loads, [(&b"/a.pm"[..], 2, 1), (&b"/b.pm"[..], 1, 1)]);
    assert_eq!((program.label.as_slice(), program.sequence_gaps), (&b"shop"[..], 0));
    assert_eq!(program.roles.iter().map(|role| role.processes).max(), Some(2), "the forks are told again");
    assert_eq!(folder.snapshot().unclean_ends, 0);
}

#[test]
fn a_locked_database_is_told_and_nothing_is_lost() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let other = rusqlite::Connection::open(folder.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    daemon.hear("is locked by another program");
    socket.send(&tree.load(2, b"/b.pm")).unwrap();
    other.execute_batch("COMMIT").unwrap();
    daemon.hear("can be written again");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let program = folder.program();
    let events: Vec<_> = program.loads.iter().map(|load| load.events).collect();
    assert_eq!((events.as_slice(), program.sequence_gaps), (&[1, 1][..], 0));
}

/// A file system of 8 MiB with a filler on it that leaves next to nothing, seen by the daemon alone.
fn full_disk(folder: &Folder) -> (Daemon, PathBuf) {
    let mount = folder.0.path().join("small");
    fs::create_dir(&mount).unwrap();
    let script = r#"
        mount -t tmpfs -o size=8m none "$1" || exit 9
        head -c 7900k /dev/zero > "$1/filler"
        exec "$0" --listen 127.0.0.1:0 --db "$1/t.db""#;
    let daemon = Daemon::start(
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, PROGRAM])
            .arg(&mount),
    );
    // The way into the daemon's own view.
    let inside = PathBuf::from(format!("/proc/{}/root", daemon.child.id()));
    let mount = inside.join(mount.strip_prefix("/").unwrap());
    (daemon, mount)
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let folder = Folder::new();
    let (mut daemon, mount) = full_disk(&folder);
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    let name = "x".repeat(900);
    let sent = 600;
    for number in 0..sent {
        socket.send(&tree.load(1, format!("/{number}/{name}.pm").as_bytes())).unwrap();
    }
    daemon.hear("no room left to write");
    fs::remove_file(mount.join("filler")).unwrap();
    daemon.hear("can be written again");
    // SQLite would resolve the way into the daemon's view to a path in ours.
    for name in ["t.db", "t.db-wal"] {
        fs::copy(mount.join(name), folder.0.path().join(name)).unwrap();
    }
    let snapshot = folder.snapshot();
    assert_eq!(snapshot.events, sent);
    assert_eq!(snapshot.programs[0].loads.len(), 600);
    assert_eq!(snapshot.loss, alive_store::model::Loss::default());
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
}
