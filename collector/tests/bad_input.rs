//! Whatever comes over the port: counted, never a panic, and what is good beside it is kept.

mod scene;

use alive_collector::EventsTarget;
use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::model::Loss;
use alive_wire::Kind;
use alive_wire::record::types;
use proptest::prelude::*;
use scene::{Folder, Tree, collect, event, sender, take};

/// What an aggregate makes of datagrams.
fn heard(datagrams: &[Vec<u8>]) -> Aggregate {
    let mut aggregate = Aggregate::new(0, []);
    for datagram in datagrams {
        aggregate.hear(datagram, Moment::now());
    }
    aggregate
}

#[test]
fn each_sort_of_nonsense_has_its_counter() {
    let mut tree = Tree::new(100);
    let good = tree.load(1, b"/a.pm");
    let mut newer = good.clone();
    newer[4] = 2;
    let mut broken_record = good.clone();
    broken_record[alive_wire::header::LEN + 2] = 0xff;
    let half = good[..good.len() / 2].to_vec();
    let mut unknown_kind = tree.load(1, b"/a.pm");
    unknown_kind[5] = 77;

    let loss = |datagram: Vec<u8>| heard(&[datagram]).totals().loss;
    assert_eq!(loss(good), Loss::default());
    assert_eq!(loss(newer), Loss { unsupported_version: 1, ..Loss::default() });
    assert_eq!(loss(half), Loss { malformed: 1, ..Loss::default() });
    assert_eq!(loss(broken_record), Loss { malformed: 1, ..Loss::default() });
    assert_eq!(loss(b"".to_vec()), Loss { malformed: 1, ..Loss::default() });
    assert_eq!(loss(b"GET / HTTP/1.1\r\n".to_vec()), Loss { malformed: 1, ..Loss::default() });
    assert_eq!(loss(b"alive1\tpong\tname=x".to_vec()), Loss { malformed: 1, ..Loss::default() });
    let unknown_kind = loss(unknown_kind);
    assert_eq!((unknown_kind.unsupported_version, unknown_kind.sequence_gaps), (1, 1));
}

#[test]
fn a_broken_event_does_not_take_the_next_one_with_it() {
    let mut tree = Tree::new(100);
    let mut broken = tree.load(1, b"/broken.pm");
    let record = alive_wire::header::LEN;
    // The first record claims to reach beyond its event.
    broken[record + 1..record + 3].copy_from_slice(&u16::MAX.to_le_bytes());
    let aggregate = heard(&[[broken, tree.load(1, b"/good.pm")].concat()]);
    assert_eq!(aggregate.totals().loads, 1);
    assert_eq!(aggregate.totals().loss.malformed, 1);
}

#[test]
fn odd_bytes_and_sizes_go_through_a_real_socket() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    let path = b"/tmp/a\nb\x1b[31m\xff\xfe\".pm";
    let progress = collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        socket.send(&tree.start(b"sh\x1bop")).unwrap();
        socket.send(&tree.load(1, path)).unwrap();
        socket.send(&[b'x'; 9_000]).unwrap();
        // A real event with a tail that makes it too long: nothing of it may be read.
        let mut long = tree.clone().load(1, b"/long.pm");
        long.resize(9_000, 0);
        socket.send(&long).unwrap();
        socket.send(&[0; 100]).unwrap();
    });
    assert_eq!(progress.datagrams, 5);
    assert_eq!(progress.loss, Loss { truncated: 2, malformed: 1, ..Loss::default() });
    let snapshot = folder.snapshot();
    assert_eq!(snapshot.loss, progress.loss);
    let program = &snapshot.programs[0];
    assert_eq!(program.label, b"sh\x1bop");
    assert_eq!(program.loads.iter().map(|load| load.path.as_slice()).collect::<Vec<_>>(), [path]);
    let events = std::fs::read(folder.events()).unwrap();
    assert!(!events.contains(&0x1b), "{}", events.escape_ascii());
    for line in events.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn an_attack_with_ever_new_keys_is_bounded_and_counted() {
    let (keys, more) = (2_000, 100);
    let mut aggregate = Aggregate::new(0, []).bounded_to(2_000);
    let mut tree = Tree::new(100);
    for number in 0..keys + more {
        let load = tree.load(1, format!("/attack/{number}.pm").as_bytes());
        aggregate.hear(&load, Moment::default());
    }
    assert!(aggregate.is_filling());
    let over_cap = aggregate.totals().loss.over_cap;
    // The tree, its role and its lines are keys too.
    assert_eq!(over_cap, more + 3);
    // What has a key already is still added up.
    aggregate.hear(&tree.load(1, b"/attack/0.pm"), Moment::default());
    assert_eq!(aggregate.totals().loss.over_cap, over_cap);
    let pending = aggregate.take().unwrap();
    let pieces: Vec<_> = pending.batches(0, 300).collect();
    assert!(pieces.len() > 6 && pieces.iter().all(|piece| piece.loads.len() <= 300));
    assert!(pieces[1..].iter().all(|piece| piece.datagrams == 0), "counted once");
    let batch = pending.batches(0, usize::MAX).next().unwrap();
    let loads: usize = pieces.iter().map(|piece| piece.loads.len()).sum();
    assert_eq!(loads, batch.loads.len());
    assert_eq!(u64::try_from(batch.loads.len()).unwrap() + over_cap, keys + more);
    assert_eq!(batch.loads.iter().map(|load| load.events).sum::<u64>(), keys - 3 + 1);
    // Written, there is room again.
    aggregate.hear(&tree.load(1, b"/attack/new.pm"), Moment::default());
    assert_eq!(aggregate.totals().loss.over_cap, over_cap);
}

#[test]
fn forged_numbers_do_no_harm() {
    let mut tree = Tree { sequence: u64::MAX - 2, ..Tree::new(u32::MAX - 9) };
    let header = tree.header(Kind::Load, 1);
    let forged = event(header, |encoder| {
        encoder.string(types::PATH, b"/a.pm");
        encoder.number(types::FILE_BYTES, u64::MAX);
        encoder.number(types::DURATION, u64::MAX);
        encoder.not_sent(200, u64::MAX);
        encoder.search(u32::MAX);
    });
    let folder = Folder::new();
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        for _ in 0..3 {
            socket.send(&forged).unwrap();
        }
    });
    let program = folder.program();
    assert_eq!(program.loads[0].nanos, i64::MAX.unsigned_abs());
    assert_eq!(program.not_sent, [("reason-200".to_owned(), i64::MAX.unsigned_abs())]);
}

proptest! {
    /// Random bytes, with and without a true beginning.
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0..3) {
        let beginning: &[u8] = match magic { 0 => b"ALV1\x01", 1 => b"alive1\t", _ => b"" };
        let mut aggregate = heard(&[[beginning, &bytes].concat()]);
        prop_assert_eq!(aggregate.totals().datagrams, 1);
        prop_assert!(aggregate.take().is_some());
    }

    /// A true event with bytes changed: the hardest nonsense, as most of it can be read.
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut datagram = Tree::new(100).load(1, b"/a.pm");
        for (at, byte) in changes {
            let at = at.index(datagram.len());
            datagram[at] = byte;
        }
        let mut aggregate = heard(&[datagram]);
        let totals = *aggregate.totals();
        prop_assert!(totals.events > 0 || totals.loss.malformed > 0 || totals.loss.unsupported_version > 0);
        let batch = take(&mut aggregate).unwrap();
        prop_assert_eq!(batch.datagrams, 1);
    }
}
