//! Sent is stored plus reported lost, exactly, whatever the network and the database do in between.
//!
//! The model knows what was sent, what came and how often. The collector's way is the real one: datagrams
//! into the aggregate, batches into a database, and now and then a collector that begins where the last ended.

mod scene;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::Writer;
use alive_store::model::Snapshot;
use alive_wire::Kind;
use alive_wire::record::types;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
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
    /// In one datagram with the next one that comes.
    WaitsForTheNext,
    /// The kernel has no room for its datagram, and counts it.
    IsDropped,
    /// Its datagram came longer than it may be, so nothing of it is read.
    IsTruncated,
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
        2 => Just(Fate::WaitsForTheNext),
        1 => Just(Fate::IsDropped),
        1 => Just(Fate::IsTruncated),
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

/// An event, by its tree and its number there.
type Sent = (u32, u64);

/// All events in some order, and what becomes of each.
fn course() -> impl Strategy<Value = (Vec<Sent>, Vec<(Fate, Then)>)> {
    let sent: Vec<_> = (0..TREES).flat_map(|tree| (1..=EVENTS).map(move |number| (tree, number))).collect();
    let fates = prop::collection::vec((fate(), then()), sent.len());
    (Just(sent).prop_shuffle(), fates)
}

/// What must be in the database in the end.
#[derive(Debug, Default)]
struct Model {
    came: BTreeSet<Sent>,
    datagrams: u64,
    again: u64,
    junk: u64,
    dropped: u64,
    truncated: u64,
}

/// Sends everything, and compares.
fn adds_up(order: &[Sent], fates: &[(Fate, Then)]) -> Result<(), TestCaseError> {
    let mut run = Run::new();
    let mut model = Model::default();
    let mut waiting = Vec::new();
    for (&event, &(fate, then)) in order.iter().zip(fates) {
        // The last event of each tree comes, or nobody could know how many there were.
        let is_gone = matches!(fate, Fate::IsLost | Fate::IsDropped | Fate::IsTruncated);
        let fate = if is_gone && event.1 == EVENTS { Fate::Comes } else { fate };
        let bytes = datagram(event.0, event.1);
        match fate {
            Fate::IsLost => {}
            Fate::IsDropped => {
                run.aggregate.dropped_by_kernel(1);
                model.dropped += 1;
            }
            Fate::IsTruncated => {
                run.aggregate.hear_truncated();
                (model.datagrams, model.truncated) = (model.datagrams + 1, model.truncated + 1);
            }
            Fate::WaitsForTheNext => waiting.push(bytes),
            Fate::Comes | Fate::ComesTwice | Fate::ComesWithJunk => {
                let behind = if fate == Fate::ComesWithJunk { &bytes[..bytes.len() / 2] } else { &[] };
                // The half of another one is behind the whole ones, so that these count.
                let whole = [&std::mem::take(&mut waiting).concat(), &bytes[..], behind].concat();
                run.hear(&whole);
                model.datagrams += 1;
                model.junk += u64::from(fate == Fate::ComesWithJunk);
                if fate == Fate::ComesTwice {
                    run.hear(&bytes);
                    (model.datagrams, model.again) = (model.datagrams + 1, model.again + 1);
                }
            }
        }
        if !matches!(fate, Fate::IsLost | Fate::IsDropped | Fate::IsTruncated) {
            model.came.insert(event);
        }
        run.then(then);
    }
    if !waiting.is_empty() {
        run.hear(&waiting.concat());
        model.datagrams += 1;
    }
    let restarts = fates.iter().filter(|(_, then)| *then == Then::Restarts).count();
    let snapshot = run.finish();

    let sent = u64::from(TREES) * EVENTS;
    let loss = snapshot.loss;
    prop_assert_eq!(snapshot.datagrams, model.datagrams);
    prop_assert_eq!((loss.malformed, loss.truncated), (model.junk, model.truncated));
    prop_assert_eq!(loss.over_cap + loss.unsupported_version + loss.not_sent + loss.events_file, 0);
    // What the kernel dropped is missed by its number as well: two counts of one thing, and no sum of them.
    prop_assert_eq!(loss.kernel_drops, model.dropped);
    prop_assert_eq!(snapshot.events + loss.sequence_gaps, sent);
    prop_assert_eq!(snapshot.events, u64::try_from(model.came.len()).unwrap());
    prop_assert_eq!(snapshot.duplicates, model.again);
    let mut expected = BTreeMap::new();
    for (_, number) in &model.came {
        *expected.entry(path(*number)).or_default() += 1;
    }
    prop_assert_eq!(events_by_path(&snapshot), expected);
    // A collector that starts again does not know which process told what.
    if restarts == 0 {
        let workers: BTreeSet<_> =
            model.came.iter().map(|(tree, number)| (tree, number % 4, path(*number))).collect();
        let told: u64 =
            snapshot.programs.iter().flat_map(|program| &program.loads).map(|load| load.processes).sum();
        prop_assert_eq!(told, u64::try_from(workers.len()).unwrap());
    }
    Ok(())
}

#[test]
fn sent_is_stored_plus_reported_lost() {
    let config = ProptestConfig { cases: cases(), ..ProptestConfig::with_source_file(file!()) };
    let ran = Cell::new(0u32);
    let done = TestRunner::new(config).run(&course(), |(order, fates)| {
        ran.set(ran.get() + 1);
        adds_up(&order, &fates)
    });
    println!("{} runs of {} events each", ran.get(), u64::from(TREES) * EVENTS);
    if let Err(error) = done {
        panic!("{error}");
    }
}

/// How many runs: a few in every test, as many as are asked for otherwise.
fn cases() -> u32 {
    std::env::var("ALIVE_ACCOUNTING_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}
