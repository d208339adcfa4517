//! Sent is stored plus reported lost, exactly, whatever the network and the database do in between.
//!
//! The model knows what was sent, what came and how often. The collector's way is the real one: datagrams
//! into the aggregate, batches into a database, and now and then a collector that begins where the last ended.

mod scene;

use std::collections::{BTreeMap, BTreeSet};

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::Writer;
use alive_store::model::Snapshot;
use alive_wire::Kind;
use alive_wire::record::types;
use proptest::prelude::*;
use scene::{Folder, PERL, Tree, event};

/// Trees that speak.
const TREES: u32 = 3;

/// Events that each of them sends.
const EVENTS: u64 = 40;

/// What becomes of one event, and what the collector does after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Comes,
    IsLost,
    ComesTwice,
    ComesWithJunk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoesOn,
    Writes,
    /// The writer is busy: what was taken comes back.
    IsRefused,
    Restarts,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Comes),
        2 => Just(Fate::IsLost),
        1 => Just(Fate::ComesTwice),
        1 => Just(Fate::ComesWithJunk),
    ]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        12 => Just(Then::GoesOn),
        3 => Just(Then::Writes),
        2 => Just(Then::IsRefused),
        1 => Just(Then::Restarts),
    ]
}

/// Event `number` of tree `tree`: a load, of which every tree has a few files and workers.
fn datagram(tree: u32, number: u64) -> Vec<u8> {
    let mut tree = Tree { root_pid: 100 + tree, start_micros: 5, sequence: number - 1 };
    let header = tree.header(Kind::Load, u32::try_from(number % 4).unwrap());
    event(header, |encoder| {
        encoder.string(types::PATH, path(number).as_bytes());
        encoder.code(PERL);
    })
}

fn path(number: u64) -> String {
    format!("/{}.pm", number % 5)
}

/// A collector and its database.
struct Run {
    folder: Folder,
    aggregate: Aggregate,
    writer: Option<Writer>,
}

impl Run {
    fn new() -> Self {
        let folder = Folder::new();
        let writer = Writer::open(&folder.db()).unwrap();
        Self { folder, aggregate: Aggregate::new(0, []), writer: Some(writer) }
    }

    fn hear(&mut self, datagram: &[u8]) {
        self.aggregate.hear(datagram, Moment::default());
    }

    fn write(&mut self) {
        if let Some(pending) = self.aggregate.take() {
            self.writer.as_mut().unwrap().write_all(pending.batches(1, 7)).unwrap();
        }
    }

    fn then(&mut self, then: Then) {
        match then {
            Then::GoesOn => {}
            Then::Writes => self.write(),
            Then::IsRefused => {
                if let Some(pending) = self.aggregate.take() {
                    self.aggregate.give_back(pending);
                }
            }
            Then::Restarts => {
                self.write();
                self.writer.take().unwrap().close().unwrap();
                let writer = Writer::open(&self.folder.db()).unwrap();
                self.aggregate = Aggregate::new(0, writer.sequences().unwrap());
                self.writer = Some(writer);
            }
        }
    }

    fn finish(mut self) -> Snapshot {
        self.write();
        self.writer.take().unwrap().close().unwrap();
        self.folder.snapshot()
    }
}

/// How often each file was loaded, over all trees.
fn events_by_path(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for load in snapshot.programs.iter().flat_map(|program| &program.loads) {
        *sums.entry(String::from_utf8(load.path.clone()).unwrap()).or_default() += load.events;
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn sent_is_stored_plus_reported_lost(
        order in Just((0..TREES).flat_map(|tree| (1..=EVENTS).map(move |number| (tree, number))).collect::<Vec<_>>())
            .prop_shuffle(),
        fates in prop::collection::vec((fate(), then()), usize::try_from(EVENTS).unwrap() * 3),
    ) {
        let mut run = Run::new();
        let (mut came, mut junk, mut again, mut datagrams) = (BTreeSet::new(), 0, 0, 0);
        for (&event, &(fate, then)) in order.iter().zip(&fates) {
            let bytes = datagram(event.0, event.1);
            // The last event of each tree comes, or nobody could know how many there were.
            let fate = if fate == Fate::IsLost && event.1 == EVENTS { Fate::Comes } else { fate };
            match fate {
                Fate::IsLost => {}
                Fate::Comes => {
                    run.hear(&bytes);
                    datagrams += 1;
                }
                Fate::ComesTwice => {
                    run.hear(&bytes);
                    run.hear(&bytes);
                    datagrams += 2;
                    again += 1;
                }
                Fate::ComesWithJunk => {
                    // The event, and behind it the half of another one.
                    run.hear(&[&bytes[..], &bytes[..bytes.len() / 2]].concat());
                    datagrams += 1;
                    junk += 1;
                }
            }
            if fate != Fate::IsLost {
                came.insert(event);
            }
            run.then(then);
        }
        let restarts = fates.iter().filter(|(_, then)| *then == Then::Restarts).count();
        let snapshot = run.finish();

        let sent = u64::from(TREES) * EVENTS;
        prop_assert_eq!(snapshot.datagrams, datagrams);
        prop_assert_eq!(snapshot.loss.malformed, junk);
        prop_assert_eq!(snapshot.loss.kernel_drops + snapshot.loss.truncated + snapshot.loss.over_cap, 0);
        prop_assert_eq!(snapshot.events + snapshot.loss.sequence_gaps, sent);
        prop_assert_eq!(snapshot.events, u64::try_from(came.len()).unwrap());
        prop_assert_eq!(snapshot.duplicates, again);
        let mut expected = BTreeMap::new();
        for (_, number) in &came {
            *expected.entry(path(*number)).or_default() += 1;
        }
        prop_assert_eq!(events_by_path(&snapshot), expected);
        // A collector that starts again does not know which process told what.
        if restarts == 0 {
            let workers: BTreeSet<_> = came.iter().map(|(tree, number)| (tree, number % 4, path(*number))).collect();
            let told: u64 =
                snapshot.programs.iter().flat_map(|program| &program.loads).map(|load| load.processes).sum();
            prop_assert_eq!(told, u64::try_from(workers.len()).unwrap());
        }
    }
}

/// How many runs: a few in every test, as many as are asked for otherwise.
fn cases() -> u32 {
    std::env::var("ALIVE_ACCOUNTING_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}
