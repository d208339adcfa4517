//! Pings through a real socket into a real database, good ones and odd ones.

mod scene;

use alive_collector::EventsTarget;
use alive_store::model::{Loss, PingRow, Snapshot};
use scene::{Folder, Tree, collect, sender};
use serde_json::{Value, json};

/// What is stored of these datagrams.
fn stored(datagrams: &[&[u8]]) -> Snapshot {
    let folder = Folder::new();
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        for datagram in datagrams {
            socket.send(datagram).unwrap();
        }
    });
    folder.snapshot()
}

fn only(snapshot: &Snapshot) -> &PingRow {
    let [ping] = &snapshot.pings[..] else { panic!("{:?}", snapshot.pings) };
    ping
}

const FULL: &str = "alive1\tping\tname=checkout.legacy\tfile=cart.pl\tline=42\tfunction=main::total\t\
                    caller=shop.pl:7%20main::buy\tservice=shop\thost=web1\torder=17%0a";

#[test]
fn everything_that_a_line_tells_is_stored() {
    let one = |pid: u32| format!("{FULL}\tpid={pid}\n");
    let (first, second) = (one(11), one(12));
    let snapshot = stored(&[first.as_bytes(), second.as_bytes(), first.as_bytes()]);
    let ping = only(&snapshot);
    let expected = PingRow {
        name: b"checkout.legacy".to_vec(),
        file: b"cart.pl".to_vec(),
        line: 42,
        service: b"shop".to_vec(),
        host: b"web1".to_vec(),
        hits: 3,
        processes: 2,
        function: b"main::total".to_vec(),
        caller: b"shop.pl:7 main::buy".to_vec(),
        context: vec![(b"order".to_vec(), b"17\n".to_vec())],
        first_seen_micros: ping.first_seen_micros,
        last_seen_micros: ping.last_seen_micros,
    };
    assert_eq!(*ping, expected);
    let [epoch] = snapshot.epochs[..] else { panic!("{:?}", snapshot.epochs) };
    assert!(epoch.opened_micros <= ping.first_seen_micros && ping.last_seen_micros <= epoch.until_micros);
    assert!(!epoch.is_open);
}

#[test]
fn a_process_counts_once_for_each_tap_and_one_without_a_pid_for_none() {
    let line = |name: &str, pid: &str| format!("alive1\tping\tname={name}{pid}\n");
    let all = [line("a", "\tpid=1"), line("a", "\tpid=1"), line("b", "\tpid=1"), line("c", "")].concat();
    let snapshot = stored(&[all.as_bytes()]);
    let counts: Vec<_> = snapshot.pings.iter().map(|ping| (ping.hits, ping.processes)).collect();
    assert_eq!(counts, [(2, 1), (1, 1), (1, 0)]);
}

#[test]
fn one_bad_line_loses_no_other_wherever_it_stands() {
    let snapshot = stored(&[
        b"nonsense\nalive1\tping\tname=a\nalive2\tping\tname=no\nalive1\tping\tname=%zz\nalive1\tping\tname=b",
        b"alive7\tping\tname=no",
    ]);
    let names: Vec<_> = snapshot.pings.iter().map(|ping| ping.name.as_slice()).collect();
    assert_eq!(names, [b"a", b"b"]);
    assert_eq!(snapshot.loss, Loss { malformed: 2, unsupported_version: 2, ..Loss::default() });
}

#[test]
fn a_clock_in_the_future_is_counted_and_not_believed() {
    let snapshot = stored(&[b"alive1\tping\tname=a\ttime=33333333333\n"]);
    assert_eq!(snapshot.odd_clocks, 1);
    assert!(only(&snapshot).last_seen_micros <= snapshot.epochs[0].until_micros);
}

#[test]
fn a_ping_of_the_shims_form_is_a_hit_of_its_program() {
    let mut tree = Tree::new(100);
    let (start, one, two) = (tree.start(b"shop"), tree.ping(b"tap"), tree.ping(b"tap"));
    let snapshot = stored(&[&start, &one, &two]);
    let ping = only(&snapshot);
    assert_eq!((ping.name.as_slice(), ping.file.as_slice(), ping.line), (&b"tap"[..], &b"cart.pl"[..], 42));
    assert_eq!((ping.hits, ping.processes), (2, 1));
}

#[test]
fn the_events_file_tells_the_context_and_who_called() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    collect(&options, |collector| {
        sender(collector.addresses()[0]).send(format!("{FULL}\tpid=11\n").as_bytes()).unwrap();
    });
    let mut line: Value = serde_json::from_slice(&std::fs::read(folder.events()).unwrap()).unwrap();
    line.as_object_mut().unwrap().remove("time").unwrap();
    let expected: Value = json!({
        "event": "ping", "pid": 11, "name": "checkout.legacy", "service": "shop", "host": "web1",
        "caller": {"file": "cart.pl", "line": 42, "function": "main::total"},
        "called_by": "shop.pl:7 main::buy", "context": {"order": "17\n"},
    });
    assert_eq!(line, expected);
}
