//! What is lost is counted: by the kernel, by the gaps in the sequences, and never silently.

mod scene;

use std::collections::BTreeSet;
use std::thread;

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_collector::{Collector, EventsTarget};
use alive_store::model::{TreeKey, TreeMark};
use alive_wire::Kind;
use alive_wire::header::flags;
use alive_wire::record::{Reason, types};
use proptest::prelude::*;
use scene::{Folder, Tree, collect, event, sender, take};

#[test]
fn sent_is_received_plus_dropped_at_any_overload() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.receive_buffer = 4_096;
    let (senders, each) = (4u32, 5_000u64);
    let progress = collect(&options, |collector| {
        let address = collector.addresses()[0];
        thread::scope(|scope| {
            for number in 0..senders {
                scope.spawn(move || {
                    let socket = sender(address);
                    let mut tree = Tree::new(1_000 * (number + 1));
                    for _ in 0..each {
                        socket.send(&tree.load(1, b"/lib/Heavy.pm")).unwrap();
                    }
                });
            }
        });
    });
    let sent = u64::from(senders) * each;
    assert!(progress.loss.kernel_drops > 0, "a buffer of 4 KiB cannot hold a flood: {progress:?}");
    assert_eq!(progress.datagrams + progress.loss.kernel_drops, sent);
    // The gaps know who lost, but not what a tree lost behind its last event that came.
    assert!(progress.loss.sequence_gaps <= progress.loss.kernel_drops);

    let snapshot = folder.snapshot();
    assert_eq!(snapshot.datagrams, progress.datagrams);
    assert_eq!(snapshot.loss, progress.loss);
    let stored: u64 =
        snapshot.programs.iter().flat_map(|program| &program.loads).map(|load| load.events).sum();
    assert_eq!(stored, progress.datagrams);
}

#[test]
fn a_gap_is_a_loss_of_its_tree() {
    let folder = Folder::new();
    let progress = collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let (mut shop, mut quiet) = (Tree::new(100), Tree::new(200));
        socket.send(&quiet.start(b"quiet")).unwrap();
        // The first three events of the shop are lost, its start among them, and two later on.
        shop.sequence += 3;
        socket.send(&shop.load(1, b"/a.pm")).unwrap();
        shop.sequence += 2;
        socket.send(&shop.load(1, b"/a.pm")).unwrap();
    });
    assert_eq!(progress.loss.sequence_gaps, 5);
    let snapshot = folder.snapshot();
    let gaps: Vec<_> = snapshot
        .programs
        .iter()
        .map(|program| (String::from_utf8_lossy(&program.label).into_owned(), program.sequence_gaps))
        .collect();
    assert_eq!(gaps, [("pid 100".to_owned(), 5), ("quiet".to_owned(), 0)]);
}

#[test]
fn what_was_there_before_the_collector_is_not_called_lost() {
    let mut tree = Tree { sequence: 40, ..Tree::new(100) };
    let mut late = Aggregate::new(tree.start_micros + 1, []);
    late.hear(&tree.load(1, b"/a.pm"), Moment::now());
    assert_eq!(late.totals().loss.sequence_gaps, 0);
    tree.sequence += 1;
    late.hear(&tree.load(1, b"/a.pm"), Moment::now());
    assert_eq!(late.totals().loss.sequence_gaps, 1);
}

#[test]
fn what_was_not_sent_is_told_with_its_reason_and_is_no_gap() {
    let folder = Folder::new();
    let progress = collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        socket.send(&tree.start(b"shop")).unwrap();
        // Five numbers: three events that the kernel refused, two really lost. What the sandbox stops
        // takes no number.
        tree.sequence += 5;
        let header = tree.header(Kind::Load, 1);
        let load = event(header, |encoder| {
            encoder.string(types::PATH, b"/a.pm");
            encoder.not_sent(Reason::SendFailed as u8, 3);
            encoder.not_sent(Reason::Sandbox as u8, 4);
        });
        socket.send(&load).unwrap();
    });
    assert_eq!((progress.loss.sequence_gaps, progress.loss.not_sent), (2, 7));
    let program = folder.program();
    assert_eq!(program.sequence_gaps, 2);
    assert_eq!(program.not_sent, [("sandbox".to_owned(), 4), ("send-failed".to_owned(), 3)]);
    assert_eq!(folder.snapshot().loss, progress.loss);
}

#[test]
fn processes_without_a_tree_page_have_sequences_of_their_own() {
    let mut aggregate = Aggregate::new(0, []);
    let mut say = |node: u32, sequence: u64| {
        let mut header = Tree::new(100).header(Kind::Load, node);
        header.root_start_micros = 1;
        header.flags = flags::NO_TREE;
        header.sequence = sequence;
        let load = event(header, |encoder| encoder.string(types::PATH, b"/a.pm"));
        aggregate.hear(&load, Moment::now());
        aggregate.totals().loss.sequence_gaps
    };
    assert_eq!(say(1, 7), 0);
    assert_eq!(say(2, 3), 0);
    assert_eq!(say(1, 9), 1);
    assert_eq!(say(2, 4), 1);
    assert_eq!(say(1, 8), 0, "it was only late");
}

#[test]
fn a_collector_that_starts_again_goes_on_counting() {
    let folder = Folder::new();
    let mut tree = Tree::new(100);
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&tree.start(b"shop")).unwrap();
        tree.sequence += 1;
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
    });
    assert_eq!(folder.program().sequence_gaps, 1);
    // Four events while nobody listens.
    tree.sequence += 4;
    collect(&folder.options(), |collector| {
        sender(collector.addresses()[0]).send(&tree.load(1, b"/a.pm")).unwrap();
    });
    let program = folder.program();
    assert_eq!(program.sequence_gaps, 5);
    assert_eq!((program.label.as_slice(), program.trees), (&b"shop"[..], 1));
    assert_eq!(program.loads[0].events, 2);
}

#[test]
fn lines_that_do_not_fit_on_the_disk_are_counted_and_the_rest_goes_on() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File("/dev/full".into()));
    let progress = collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        for datagram in [tree.start(b"shop"), tree.fork(1), tree.load(1, b"/a.pm")] {
            socket.send(&datagram).unwrap();
        }
    });
    // A fork is no line.
    assert_eq!(progress.loss.events_file, 2);
    assert_eq!(folder.snapshot().loss.events_file, 2);
    assert_eq!(folder.program().loads[0].events, 1);
}

#[test]
fn what_the_kernel_holds_when_the_collector_is_told_to_stop_is_read() {
    let folder = Folder::new();
    let collector = Collector::start(&folder.options()).unwrap();
    let socket = sender(collector.addresses()[0]);
    let mut tree = Tree::new(100);
    let sent = 2_000;
    for _ in 0..sent {
        socket.send(&tree.load(1, b"/a.pm")).unwrap();
    }
    let progress = collector.stop().unwrap().progress;
    assert_eq!(progress.datagrams + progress.loss.kernel_drops, sent);
    assert_eq!(folder.snapshot().datagrams, progress.datagrams);
}

proptest! {
    /// Some events never come, the others in any order, over several flushes and one restart: the gaps are
    /// exactly those below the highest number that came, and each event is counted once.
    #[test]
    fn gaps_are_exact_under_reordering(
        order in Just((1u64..=60).collect::<Vec<_>>()).prop_shuffle(),
        lost in prop::collection::btree_set(1u64..=60, 0..20),
        flush_every in 1usize..20,
    ) {
        let key = TreeKey { pid: 100, start_micros: 5 };
        let mut aggregate = Aggregate::new(0, [(key, TreeMark::default())]);
        let mut came = BTreeSet::new();
        let (mut events, mut last) = (0, None);
        for (at, &sequence) in order.iter().filter(|sequence| !lost.contains(sequence)).enumerate() {
            let mut tree = Tree { root_pid: 100, start_micros: 5, sequence: sequence - 1 };
            aggregate.hear(&tree.load(1, b"/a.pm"), Moment::now());
            came.insert(sequence);
            let gaps = came.last().unwrap() - u64::try_from(came.len()).unwrap();
            prop_assert_eq!(aggregate.totals().loss.sequence_gaps, gaps);
            if at % flush_every == 0 {
                let batch = take(&mut aggregate).unwrap();
                events += batch.loads.iter().map(|load| load.events).sum::<u64>();
                prop_assert_eq!(batch.trees[0].gaps, gaps);
                prop_assert_eq!(batch.trees[0].sequence, *came.last().unwrap());
                last = batch.trees.into_iter().next();
            }
        }
        if let Some(batch) = take(&mut aggregate) {
            events += batch.loads.iter().map(|load| load.events).sum::<u64>();
            last = batch.trees.into_iter().next().or(last);
        }
        prop_assert_eq!(events, u64::try_from(came.len()).unwrap());

        // The next collector begins where the last row says.
        let row = last.unwrap();
        let mark = TreeMark { sequence: row.sequence, gaps: row.gaps };
        let mut next = Aggregate::new(6, [(key, mark)]);
        let mut tree = Tree { root_pid: 100, start_micros: 5, sequence: row.sequence + 2 };
        next.hear(&tree.load(1, b"/a.pm"), Moment::now());
        let rows = take(&mut next).unwrap().trees;
        prop_assert_eq!(rows[0].gaps, row.gaps + 2);
    }

    /// The order in which events come changes no sum.
    #[test]
    fn the_order_of_events_changes_no_sum(order in Just((0u32..40).collect::<Vec<_>>()).prop_shuffle()) {
        let sums = |order: &[u32]| {
            let mut aggregate = Aggregate::new(0, []);
            for number in order {
                let mut tree = Tree { root_pid: 100, start_micros: 5, sequence: u64::from(*number) };
                let path = format!("/{}.pm", number % 5);
                aggregate.hear(&tree.load(number % 7 + 1, path.as_bytes()), Moment { wall_micros: 9, monotonic_nanos: 0 });
            }
            let mut batch = take(&mut aggregate).unwrap();
            batch.loads.sort_by(|left, right| left.key.cmp(&right.key));
            batch
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sums(&order), sums(&sorted));
    }
}
