//! The socket in the file system: the kernel says who sent what, and nobody speaks for another process.

mod daemon_process;
mod scene;

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Duration;

use alive_wire::{Header, Kind, record::types};
use daemon_process::{Daemon, PROGRAM, command};
use nix::sys::signal::Signal;
use scene::{Folder, PERL, Tree, event, until};
use serde_json::Value;

fn socket(folder: &Folder) -> PathBuf {
    folder.0.path().join("collector.sock")
}

/// A collector that listens there, and on a port that nobody uses.
fn started(folder: &Folder) -> Daemon {
    let mut command = command(&folder.db());
    let daemon =
        Daemon::start(command.arg("--unix").arg(socket(folder)).arg("--events").arg(folder.events()));
    daemon.hear("listening at ");
    daemon
}

/// Sends, and waits where there is no room: none of it is lost.
fn sender(to: &Path) -> UnixDatagram {
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(to).unwrap();
    sender
}

/// A load by the process `pid` of a tree.
fn load(tree: &mut Tree, pid: u32, path: &[u8]) -> Vec<u8> {
    event(Header { pid, ..tree.header(Kind::Load, 0) }, |encoder| {
        encoder.string(types::PATH, path);
        encoder.code(PERL);
    })
}

#[test]
fn what_claims_another_process_is_counted_and_not_stored() {
    let folder = Folder::new();
    let mut daemon = started(&folder);
    assert_eq!(fs::metadata(socket(&folder)).unwrap().permissions().mode() & 0o777, 0o660);
    let socket_to = sender(&socket(&folder));
    let me = process::id();
    let mut tree = Tree::new(me);
    let mut forged = Tree { sequence: 700, ..tree.clone() };
    socket_to.send(&load(&mut tree, me, b"/mine.pm")).unwrap();
    // In one datagram, the second for another process: its number leaves no gap either.
    let both = [load(&mut tree, me, b"/mine.pm"), load(&mut forged, me + 1, b"/forged.pm")].concat();
    socket_to.send(&both).unwrap();
    socket_to.send(b"alive1\tping\tname=of.nobody\n").unwrap();
    socket_to.send(format!("alive1\tping\tname=of.mine\tpid={me}\n").as_bytes()).unwrap();
    socket_to.send(format!("alive1\tping\tname=of.another\tpid={}\n", me + 1).as_bytes()).unwrap();
    daemon.hear(&format!("process {me} of user {} claimed to be another process", nix::unistd::getuid()));
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert!(!socket(&folder).exists(), "its file goes with it");

    let snapshot = folder.snapshot();
    assert_eq!((snapshot.loss.forged, snapshot.datagrams, snapshot.events), (2, 5, 4));
    assert_eq!(alive_store::model::Loss { forged: 0, ..snapshot.loss }, Default::default());
    let loads: Vec<_> =
        snapshot.programs[0].loads.iter().map(|load| (load.path.as_slice(), load.events)).collect();
    assert_eq!(loads, [(&b"/mine.pm"[..], 2)]);
    let mut taps: Vec<_> =
        snapshot.pings.iter().map(|ping| String::from_utf8_lossy(&ping.name).into_owned()).collect();
    taps.sort();
    assert_eq!(taps, ["of.mine", "of.nobody"]);

    let lines: Vec<Value> = fs::read_to_string(folder.events())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let schema = serde_json::from_str(include_str!("../../docs/schema/events.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    lines.iter().for_each(|line| schema.validate(line).unwrap());
    let unheard_of =
        serde_json::json!({ "event": "lost", "time": lines[0]["time"], "what": "x", "count": 1 });
    assert!(!schema.is_valid(&unheard_of), "a schema that lets everything pass proves nothing");
    assert!(lines.iter().filter(|line| line["event"] == "ping").all(|line| line["pid"] == me), "{lines:?}");
    let lost: u64 = lines
        .iter()
        .filter(|line| line["what"] == "forged")
        .map(|line| line["count"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, 2, "{lines:?}");
    assert!(!fs::read_to_string(folder.events()).unwrap().contains("/forged.pm"));
}

#[test]
fn a_flood_of_forgeries_is_a_line_of_log_a_minute() {
    let folder = Folder::new();
    let mut daemon = started(&folder);
    let socket_to = sender(&socket(&folder));
    for _ in 0..5_000 {
        socket_to.send(b"alive1\tping\tname=x\tpid=1\n").unwrap();
    }
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(folder.snapshot().loss.forged, 5_000);
    let said = daemon.said();
    assert!(said.len() <= 3, "{said:?}");
}

#[test]
fn a_process_in_another_pid_namespace_may_tell_no_pid_but_not_its_own() {
    let folder = Folder::new();
    let mut daemon = started(&folder);
    // Its pid is 1 there.
    let script = r#"use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
        send($s, "alive1\tping\tname=$_\n", 0, pack_sockaddr_un($ARGV[0])) or die $!
            for "told.none", "told.its.own\tpid=$$";"#;
    let sent = Command::new("unshare")
        .args(["--user", "--map-root-user", "--pid", "--fork", "perl", "-e", script])
        .arg(socket(&folder))
        .status()
        .unwrap();
    assert!(sent.success());
    until("both are there", || {
        let snapshot = folder.snapshot();
        (snapshot.events, snapshot.loss.forged) == (1, 1)
    });
    assert_eq!(folder.snapshot().pings[0].name, b"told.none");
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_socket_that_somebody_listens_to_is_told_and_one_that_nobody_does_is_replaced() {
    let folder = Folder::new();
    let mut daemon = started(&folder);
    let other = folder.0.path().join("other.db");
    let second = command(&other).arg("--unix").arg(socket(&folder)).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(5), "{said}");
    assert!(said.contains("another program listens there: see who with `ss -xlp`"), "{said}");
    assert!(!other.exists());

    daemon.signal(Signal::SIGKILL);
    assert!(socket(&folder).exists());
    let mut daemon = started(&folder);
    sender(&socket(&folder)).send(b"alive1\tping\tname=x\n").unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    assert_eq!(folder.snapshot().pings.len(), 1);
}

#[test]
fn one_that_a_service_manager_holds_outlives_the_collector() {
    let folder = Folder::new();
    let held = UnixDatagram::bind(socket(&folder)).unwrap();
    nix::sys::socket::setsockopt(&held, nix::sys::socket::sockopt::PassCred, &true).unwrap();
    let socket_to = sender(&socket(&folder));
    socket_to.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let script = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@""#;
    for _ in 0..2 {
        // Before it is there, too: the queue holds some.
        socket_to.send(b"alive1\tping\tname=x\n").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script, PROGRAM, "--listen", "127.0.0.1:0", "--db"]).arg(folder.db());
        let mut daemon = Daemon::start(command.stdin(Stdio::from(OwnedFd::from(held.try_clone().unwrap()))));
        daemon.hear("listening at ");
        assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
        assert!(socket(&folder).exists());
    }
    let snapshot = folder.snapshot();
    assert_eq!((snapshot.pings[0].hits, snapshot.loss.forged), (2, 0));
}
