//! A database that cannot be written for a while: the collector goes on adding up, says so, and loses nothing.

mod daemon_process;
mod scene;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;
use std::thread;
use std::time::Duration;

use daemon_process::{Daemon, PROGRAM, command};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use scene::{Folder, Tree, sender, until};

/// A user who is not root, for whom modes mean something.
const NOBODY: u32 = 65_534;

/// The program as somebody for whom modes mean something, in a folder of theirs.
fn unprivileged(folder: &Folder) -> Command {
    let mut command = if geteuid().is_root() {
        chown(folder.0.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM]);
        command
    } else {
        Command::new(PROGRAM)
    };
    command.args(["--listen", "127.0.0.1:0", "--db"]).arg(folder.db());
    command
}

fn set_mode(folder: &Folder, mode: u32) {
    fs::set_permissions(folder.0.path(), Permissions::from_mode(mode)).unwrap();
}

/// Sends a first load and waits until it is stored.
fn first_load(folder: &Folder, daemon: &Daemon, tree: &mut Tree) -> std::net::UdpSocket {
    let socket = sender(daemon.address);
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    until("the first load is stored", || folder.snapshot().events == 1);
    socket
}

fn remove_database(folder: &Folder) {
    for name in ["t.db", "t.db-wal", "t.db-shm", "t.db-lock"] {
        let _ = fs::remove_file(folder.0.path().join(name));
    }
}

/// That everything which was sent since the file went away is in the new one.
fn assert_nothing_lost(folder: &Folder, paths: &[&[u8]]) {
    let program = folder.program();
    let mut found: Vec<_> = program.loads.iter().map(|load| load.path.as_slice()).collect();
    found.sort_unstable();
    assert_eq!((found.as_slice(), program.sequence_gaps), (paths, 0));
}

#[test]
fn a_folder_that_may_not_be_written_to_is_told_at_the_start() {
    let folder = Folder::new();
    let mut command = unprivileged(&folder);
    set_mode(&folder, 0o500);
    let output = command.output().unwrap();
    set_mode(&folder, 0o700);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("t.db") && said.to_lowercase().contains("permission"), "{said}");
}

#[test]
fn a_file_that_may_not_be_written_to_is_told_at_the_start() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut unprivileged(&folder));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    fs::set_permissions(folder.db(), Permissions::from_mode(0o400)).unwrap();
    let output = unprivileged(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("t.db"), "{said}");
}

#[test]
fn a_folder_that_becomes_read_only_is_waited_for_and_told_once() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut unprivileged(&folder));
    let mut tree = Tree::new(100);
    let socket = first_load(&folder, &daemon, &mut tree);
    remove_database(&folder);
    set_mode(&folder, 0o500);
    socket.send(&tree.load(1, b"/b.pm")).unwrap();
    daemon.hear("what is received waits in memory");
    // Several tries later.
    thread::sleep(Duration::from_secs(2));
    socket.send(&tree.load(1, b"/c.pm")).unwrap();
    assert_eq!(daemon.lines_said(), 0, "once a minute");
    set_mode(&folder, 0o700);
    daemon.hear("can be written again");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_nothing_lost(&folder, &[b"/b.pm", b"/c.pm"]);
}

#[test]
fn a_database_that_something_else_took_the_place_of_is_waited_for_and_left_alone() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let mut tree = Tree::new(100);
    let socket = first_load(&folder, &daemon, &mut tree);
    remove_database(&folder);
    let words = "no database at all, just words. ".repeat(50);
    fs::write(folder.db(), &words).unwrap();
    socket.send(&tree.load(1, b"/b.pm")).unwrap();
    daemon.hear("what is received waits in memory");
    thread::sleep(Duration::from_secs(1));
    socket.send(&tree.load(1, b"/c.pm")).unwrap();
    assert_eq!(fs::read_to_string(folder.db()).unwrap(), words);
    fs::remove_file(folder.db()).unwrap();
    daemon.hear("can be written again");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_nothing_lost(&folder, &[b"/b.pm", b"/c.pm"]);
}

#[test]
fn an_older_copy_of_the_database_that_is_put_back_is_gone_on_with() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let mut tree = Tree::new(100);
    socket_free_first(&folder, &mut daemon, &mut tree);
    // A backup of a moment when nothing was written.
    let backup = folder.0.path().join("backup");
    fs::copy(folder.db(), &backup).unwrap();

    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let socket = sender(daemon.address);
    socket.send(&tree.load(1, b"/b.pm")).unwrap();
    until("the second load is stored", || folder.snapshot().events == 2);
    remove_database(&folder);
    fs::rename(&backup, folder.db()).unwrap();
    socket.send(&tree.load(1, b"/c.pm")).unwrap();
    daemon.hear("can be written again");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    // What was written since the backup is gone with the file that was taken away.
    assert_nothing_lost(&folder, &[b"/a.pm", b"/c.pm"]);
}

fn socket_free_first(folder: &Folder, daemon: &mut Daemon, tree: &mut Tree) {
    drop(first_load(folder, daemon, tree));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
}
