//! From the datagram to the database and the events file.

mod scene;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alive_collector::EventsTarget;
use scene::{Folder, Tree, collect, sender, until};
use serde_json::{Value, json};

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_load_arrives_with_its_program_role_and_caller() {
    let folder = Folder::new();
    let progress = collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        for datagram in [tree.start(b"shop"), tree.fork(1), tree.load(1, b"/lib/Heavy.pm")] {
            socket.send(&datagram).unwrap();
        }
    });
    assert_eq!((progress.datagrams, progress.events, progress.loads), (3, 3, 1));
    assert_eq!(progress.loss, alive_store::model::Loss::default());

    let snapshot = folder.snapshot();
    assert_eq!((snapshot.datagrams, snapshot.events, snapshot.unclean_ends), (3, 3, 0));
    let program = folder.program();
    assert_eq!(program.label, b"shop");
    assert_eq!(program.roles[1].processes, 1);
    let site = program.roles[1].site.as_ref().unwrap();
    assert_eq!((site.module.as_slice(), site.offset, &site.symbol), (&b"/no/such/perl"[..], 0x20, &None));
    let load = &program.loads[0];
    assert_eq!(
        (load.role, load.path.as_slice(), load.name.as_slice()),
        (1, &b"/lib/Heavy.pm"[..], &b"Heavy.pm"[..])
    );
    assert_eq!((load.kind.as_str(), load.language.as_str()), ("module", "perl"));
    assert_eq!((load.outcome.as_str(), load.via.as_str()), ("loaded", "open"));
    assert_eq!((load.events, load.processes, load.bytes, load.nanos), (1, 1, 1_234, 5_000_000));
    let frame = &load.stacks[0].language[0];
    assert_eq!((frame.file.as_slice(), frame.line), (&b"/srv/cart.pl"[..], 42));
    assert_eq!(load.stacks[0].native[0].offset, 0x10);
}

#[test]
fn k_of_n_workers_are_counted_not_events() {
    let folder = Folder::new();
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        socket.send(&tree.start(b"shop")).unwrap();
        for node in 1..=8 {
            socket.send(&tree.fork(node)).unwrap();
        }
        // Three workers load it, one of them again in every flush.
        for node in [1, 2, 3] {
            socket.send(&tree.load(node, b"/lib/Heavy.pm")).unwrap();
        }
        for _ in 0..4 {
            let before = folder.snapshot().events;
            socket.send(&tree.load(1, b"/lib/Heavy.pm")).unwrap();
            until("the next flush", || folder.snapshot().events > before);
        }
    });
    let program = folder.program();
    assert_eq!(program.roles[1].processes, 8);
    assert_eq!((program.loads[0].processes, program.loads[0].events), (3, 7));
}

#[test]
fn searches_and_pings_are_added_up() {
    let folder = Folder::new();
    let progress = collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        socket.send(&tree.missing(1, b"Optional::XS", 12)).unwrap();
        socket.send(&tree.missing(2, b"Optional::XS", 30)).unwrap();
        socket.send(&tree.ping(b"checkout.legacy")).unwrap();
        socket.send(b"alive1\tping\tname=checkout.legacy\tfile=cart.pl\tline=42\n").unwrap();
        socket.send(b"alive1\tping\tname=other%09tap\nalive1\tping\tname=other%09tap").unwrap();
    });
    assert_eq!((progress.missing, progress.pings), (2, 4));
    let missing = &folder.program().missing[0];
    assert_eq!((missing.name.as_slice(), missing.language.as_str()), (&b"Optional::XS"[..], "perl"));
    assert_eq!((missing.searches, missing.probes, missing.processes), (2, 42, 2));
    let pings: Vec<_> = folder
        .snapshot()
        .pings
        .into_iter()
        .map(|ping| (ping.name, ping.file, ping.line, ping.hits))
        .collect();
    assert_eq!(
        pings,
        [
            (b"checkout.legacy".to_vec(), b"cart.pl".to_vec(), 42, 2),
            (b"other\ttap".to_vec(), Vec::new(), 0, 2)
        ]
    );
}

#[test]
fn the_events_file_has_every_event_in_order_and_no_fork() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree { start_micros: 1_780_000_000_000_001, ..Tree::new(100) };
        // Several events in one datagram, too.
        let together = [tree.start(b"shop"), tree.fork(1), tree.load(1, b"/lib/\xff\x1b[2J\n.pm")].concat();
        socket.send(&together).unwrap();
        socket.send(&tree.missing(1, b"Optional::XS", 12)).unwrap();
        socket.send(b"alive1\tping\tname=tap\tfile=cart.pl\tline=7").unwrap();
        socket.send(&tree.ping(b"tap")).unwrap();
    });
    let mut lines = lines(&folder.events());
    assert_eq!(fs::metadata(folder.events()).unwrap().permissions().mode() & 0o777, 0o600);
    let events: Vec<_> = lines.iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["start", "load", "missing", "ping", "ping"].map(Value::from));
    let load = lines[1].as_object_mut().unwrap();
    let time = load.remove("time").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z') && time.as_str().unwrap().len() == 27, "{time}");
    let frame = json!({"file": "/srv/cart.pl", "line": 42, "function": "main::checkout"});
    let mut frames = frame.clone();
    frames["language"] = json!("perl");
    assert_eq!(
        lines[1],
        json!({
            "event": "load",
            "pid": 101,
            "ppid": 100,
            "root": {"pid": 100, "start": "2026-05-28T20:26:40.000001Z"},
            "program": "shop",
            "depth": 1,
            "role": "worker forked at perl+0x20",
            "path": "/lib/\\xff\u{1b}[2J\n.pm",
            "path_hex": "2f6c69622fff1b5b324a0a2e706d",
            "name": "Heavy.pm",
            "kind": "module",
            "language": "perl",
            "bytes": 1234,
            "micros": 5000,
            "outcome": "loaded",
            "via": "open",
            "caller": frame,
            "frames": [frames],
            "stack": [{"module": "/no/such/perl", "offset": 16}],
            "seq": 3,
        })
    );
    assert_eq!(lines[0]["role"], "master");
    assert_eq!(lines[0]["path"], "/usr/bin/perl");
    assert_eq!(lines[2]["name"], "Optional::XS");
    assert_eq!(lines[3]["caller"], json!({"file": "cart.pl", "line": 7}));
    assert_eq!(lines[4]["program"], "shop");
    assert_eq!(lines[4]["seq"], 5);
}

#[test]
fn a_loss_is_a_line_of_the_events_file() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        socket.send(&tree.start(b"shop")).unwrap();
        tree.sequence += 3;
        socket.send(&tree.load(1, b"/lib/Heavy.pm")).unwrap();
        socket.send(b"nonsense").unwrap();
    });
    let lost: Vec<_> = lines(&folder.events())
        .into_iter()
        .filter(|line| line["event"] == "lost")
        .map(|line| (line["what"].clone(), line["count"].clone()))
        .collect();
    assert_eq!(lost, [(json!("sequence_gaps"), json!(3)), (json!("malformed"), json!(1))]);
}

#[test]
fn an_event_is_on_disk_within_a_fraction_of_a_second() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&Tree::new(100).start(b"shop")).unwrap();
        until("the line", || fs::metadata(folder.events()).unwrap().len() > 0);
        assert_eq!(lines(&folder.events()).len(), 1);
    });
}

#[test]
fn every_address_is_listened_on() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.listen.push("127.0.0.2:0".parse().unwrap());
    let progress = collect(&options, |collector| {
        assert_eq!(collector.addresses().len(), 2);
        for &address in collector.addresses() {
            assert_ne!(address.port(), 0);
            sender(address).send(b"alive1\tping\tname=x").unwrap();
        }
    });
    assert_eq!(progress.pings, 2);
}
