//! What must not be stored: not in the database, not in its log, not in the events file.

mod daemon_process;
mod scene;

use std::fs;
use std::path::Path;
use std::process::Command;

use daemon_process::{Daemon, PROGRAM};
use nix::sys::signal::Signal;
use scene::{Folder, Tree, sender};

const SECRET: &[u8] = b"hunter2";

fn holds(file: &Path, words: &[u8]) -> bool {
    fs::read(file).is_ok_and(|bytes| bytes.windows(words.len()).any(|run| run == words))
}

#[test]
fn a_secret_is_in_no_file_and_names_that_become_the_same_are_one() {
    let folder = Folder::new();
    let config = folder.0.path().join("collector.toml");
    fs::write(&config, "redact = ['hunter[0-9]+', '/home/([^/]+)/']").unwrap();
    let mut daemon = Daemon::start(
        Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .arg("--db")
            .arg(folder.db())
            .arg("--events")
            .arg(folder.events()),
    );
    let socket = sender(daemon.address);
    let mut tree = Tree::new(100);
    socket.send(&tree.start(b"shop-hunter2")).unwrap();
    // Two workers, each of which loads both files of its own: one file, loaded by two processes, twice each.
    for (worker, home) in [(1, "ann"), (2, "bob")] {
        for secret in ["hunter2", "hunter3"] {
            socket.send(&tree.load(worker, format!("/home/{home}/{secret}.pm").as_bytes())).unwrap();
        }
        socket.send(&tree.missing(worker, b"No/hunter2.pm", 3)).unwrap();
    }
    socket.send(b"alive1\tping\tname=tap\tuser=hunter2\tfile=%68unter2.pl\n").unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));

    for file in [folder.db(), folder.events(), folder.0.path().join("t.db-wal")] {
        assert!(!holds(&file, SECRET), "{}", file.display());
        assert!(!holds(&file, b"/ann/") && !holds(&file, b"/bob/"), "{}", file.display());
    }
    assert!(holds(&folder.events(), b"/home/[redacted]/[redacted].pm"));
    let program = folder.program();
    assert_eq!(program.label, b"shop-[redacted]");
    let loads: Vec<_> =
        program.loads.iter().map(|load| (load.path.as_slice(), load.events, load.processes)).collect();
    assert_eq!(loads, [(&b"/home/[redacted]/[redacted].pm"[..], 4, 2)]);
    let missing: Vec<_> = program.missing.iter().map(|row| (row.name.as_slice(), row.processes)).collect();
    assert_eq!(missing, [(&b"No/[redacted].pm"[..], 2)]);
    let snapshot = folder.snapshot();
    assert_eq!(snapshot.pings[0].context, [(b"user".to_vec(), b"[redacted]".to_vec())]);
    assert_eq!((snapshot.events, snapshot.loss), (tree.sequence + 1, Default::default()));
}
