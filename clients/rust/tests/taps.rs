//! A program with taps before a real collector, and before none.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alive_collector::{Collector, Options};
use alive_store::model::{PingRow, Snapshot};

/// The example, which cargo builds beside the tests.
fn program() -> Command {
    let myself = std::env::current_exe().expect("/proc/self/exe can be read");
    let folder = myself.ancestors().find(|folder| folder.join("examples").is_dir()).map(Path::to_path_buf);
    let mut command = Command::new(folder.expect("cargo's folder").join("examples/hits"));
    for name in ["ALIVE_OFF", "ALIVE_NAME", "ALIVE_ADDR"] {
        command.env_remove(name);
    }
    command
}

/// Runs it: it must say that it is done, and nothing else.
#[track_caller]
fn run(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().expect("the example is built");
    assert!(status.success(), "{status}");
    assert_eq!((&stdout[..], &stderr[..]), (&b"done\n"[..], &b""[..]));
}

/// What a collector stores while the program runs in a mode, with some of its environment.
fn stored(mode: &str, environment: &[(&str, &str)]) -> Snapshot {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let db: PathBuf = folder.path().join("t.db");
    let collector = Collector::start(&Options {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        db: db.clone(),
        ..Options::default()
    })
    .expect("a collector");
    let address = collector.addresses()[0];
    run(program().arg(mode).env("ALIVE_ADDR", address.to_string()).envs(environment.iter().copied()));
    // It reads what its socket holds before it ends.
    collector.stop().expect("a clean end");
    alive_store::snapshot(&db).expect("a database")
}

fn named<'s>(snapshot: &'s Snapshot, name: &[u8]) -> &'s PingRow {
    let found: Vec<_> = snapshot.pings.iter().filter(|ping| ping.name.starts_with(name)).collect();
    let [ping] = found[..] else { panic!("{found:?}") };
    ping
}

fn line(comment: &str) -> usize {
    let source = include_str!("../examples/hits.rs");
    source.lines().position(|line| line.contains(comment)).expect("the comment is there") + 1
}

#[test]
fn a_hit_tells_its_place_and_its_caller_once() {
    let snapshot = stored("once", &[]);
    let ping = named(&snapshot, b"checkout.legacy");
    assert!(ping.file.ends_with(b"examples/hits.rs"), "{ping:?}");
    assert_eq!(usize::try_from(ping.line).unwrap(), line("the tap"));
    assert_eq!((ping.hits, ping.processes, ping.function.as_slice()), (1, 1, &b"hits::total"[..]));
    assert!(ping.caller.ends_with(format!("hits.rs:{}", line("the call")).as_bytes()), "{ping:?}");
    assert_eq!(ping.context, [(b"order".to_vec(), b"17".to_vec())]);
    assert_eq!(ping.service, b"hits");
    assert!(!ping.host.is_empty());
    let every = named(&snapshot, b"every.time");
    assert_eq!((every.hits, every.caller.as_slice()), (3, &b""[..]));
}

#[test]
fn nobody_listens_and_nothing_happens() {
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("bound");
    for address in [nobody.to_string(), "nonsense".to_owned(), "localhost:25483".to_owned()] {
        for mode in ["once", "odd"] {
            run(program().arg(mode).env("ALIVE_ADDR", &address));
        }
    }
}

#[test]
fn switched_off_it_sends_nothing() {
    assert!(stored("once", &[("ALIVE_OFF", "1")]).pings.is_empty());
    assert_eq!(stored("once", &[("ALIVE_OFF", "0")]).pings.len(), 2);
}

#[test]
fn odd_names_and_long_values_arrive_cut_and_whole_lines() {
    let snapshot = stored("odd", &[("ALIVE_NAME", "od\td")]);
    assert_eq!(snapshot.pings.len(), 2, "an empty name is none: {:?}", snapshot.pings);
    let odd = named(&snapshot, b"odd \t\n\x1b[31m%=");
    assert_eq!(odd.service, b"od\td");
    let keys: Vec<_> = odd.context.iter().map(|(key, value)| (key.as_slice(), value.len())).collect();
    assert_eq!(keys, [(&b"k\ney"[..], 255), (b"after", 5), (b"nothing", 0)]);
    assert_eq!(named(&snapshot, b"nnn").name.len(), 255);
    assert_eq!(snapshot.loss, alive_store::model::Loss::default());
}
