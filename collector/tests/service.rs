//! Under a service manager: it holds the socket, and what comes while no collector runs waits there.

mod daemon_process;
mod scene;

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use daemon_process::{Daemon, PROGRAM};
use nix::sys::signal::Signal;
use scene::{Folder, Tree, sender, until};

/// The program with `socket` as the first descriptor that is handed over, as systemd does it.
fn handed_over(socket: &UdpSocket, db: &Path) -> Command {
    let script = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM, "--db"]).arg(db);
    command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    command
}

fn held() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

#[test]
fn a_restart_loses_nothing_that_the_buffer_holds() {
    let folder = Folder::new();
    let held = held();
    let socket = sender(held.local_addr().unwrap());
    let mut tree = Tree::new(100);
    for _ in 0..3 {
        for _ in 0..50 {
            socket.send(&tree.load(1, b"/while-nobody-reads.pm")).unwrap();
        }
        let mut daemon = Daemon::start(&mut handed_over(&held, &folder.db()));
        assert_eq!(daemon.address, held.local_addr().unwrap());
        for _ in 0..50 {
            socket.send(&tree.load(1, b"/while-it-runs.pm")).unwrap();
        }
        assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    }
    let snapshot = folder.snapshot();
    assert_eq!((snapshot.events, snapshot.loss.sequence_gaps, snapshot.loss.kernel_drops), (300, 0, 0));
    assert_eq!((tree.sequence, snapshot.unclean_ends), (300, 0));
}

#[test]
fn what_a_killed_collector_held_is_missing_and_the_rest_is_there() {
    let folder = Folder::new();
    let held = held();
    let socket = sender(held.local_addr().unwrap());
    let mut tree = Tree::new(100);
    let mut daemon = Daemon::start(&mut handed_over(&held, &folder.db()));
    socket.send(&tree.load(1, b"/a.pm")).unwrap();
    until("the first load is stored", || folder.snapshot().events == 1);
    for _ in 0..20 {
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
    }
    daemon.signal(Signal::SIGKILL);
    for _ in 0..50 {
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
    }
    let mut daemon = Daemon::start(&mut handed_over(&held, &folder.db()));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = folder.snapshot();
    assert!(snapshot.events > 50, "{} of {}", snapshot.events, tree.sequence);
    assert_eq!(snapshot.events + snapshot.loss.sequence_gaps, tree.sequence);
    assert_eq!(snapshot.unclean_ends, 1);
}

#[test]
fn what_a_full_buffer_dropped_while_nobody_read_is_counted_once() {
    let folder = Folder::new();
    let held = held();
    let socket = sender(held.local_addr().unwrap());
    let mut tree = Tree::new(100);
    for _ in 0..2 {
        // The usual buffer holds about 200 of these; the collector makes it larger when it comes.
        for _ in 0..5_000 {
            socket.send(&tree.load(1, b"/a.pm")).unwrap();
        }
        let mut daemon = Daemon::start(&mut handed_over(&held, &folder.db()));
        assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    }
    let snapshot = folder.snapshot();
    assert!(snapshot.loss.kernel_drops > 0);
    assert_eq!(snapshot.events + snapshot.loss.kernel_drops, tree.sequence);
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_and_that_it_lives() {
    let folder = Folder::new();
    let at = folder.0.path().join("notify");
    let manager = UnixDatagram::bind(&at).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let script = r#"export WATCHDOG_PID=$$; exec "$0" "$@""#;
    let mut daemon = Daemon::start(
        Command::new("sh")
            .args(["-c", script, PROGRAM, "--listen", "127.0.0.1:0", "--db"])
            .arg(folder.db())
            .env("NOTIFY_SOCKET", &at)
            .env("WATCHDOG_USEC", "200000"),
    );
    let heard = || {
        let mut bytes = [0; 200];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!([heard(), heard()], ["WATCHDOG=1", "WATCHDOG=1"]);
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    while heard() != "STOPPING=1" {}
}
