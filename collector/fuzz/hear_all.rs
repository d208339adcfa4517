//! What must hold whatever an aggregate hears. Shared by the libFuzzer target and by `tests/hostile.rs`.

use alive_collector::aggregate::{Aggregate, Pending};
use alive_collector::moment::Moment;

/// Keys that the aggregate has room for: few, so that it is full now and then.
const KEYS: usize = 48;

/// What was written of what was heard.
#[derive(Debug, Default)]
struct Written {
    datagrams: u64,
    events: u64,
    duplicates: u64,
    loads: u64,
    searches: u64,
    hits: u64,
}

impl Written {
    fn take(&mut self, pending: &Pending) {
        for batch in pending.batches(1, 7) {
            self.datagrams += batch.datagrams;
            self.events += batch.events;
            self.duplicates += batch.duplicates;
            self.loads += batch.loads.iter().map(|load| load.events).sum::<u64>();
            self.searches += batch.missing.iter().map(|search| search.searches).sum::<u64>();
            self.hits += batch.pings.iter().map(|ping| ping.hits).sum::<u64>();
            assert!(
                batch
                    .loads
                    .iter()
                    .all(|load| load.spans <= load.events.max(1) && load.processes <= load.events)
            );
        }
    }
}

/// Takes `bytes` for steps: a byte that says what happens, two that say how long the datagram behind them is. Every
/// step is as if a socket, a writer or a database did it. Panics where something does not add up.
pub(crate) fn hear_all(bytes: &[u8]) {
    let mut aggregate = Aggregate::new(0, []).bounded_to(KEYS);
    let (mut written, mut heard) = (Written::default(), 0);
    let mut rest = bytes;
    while let Some(([step, low, high], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(behind.len()).min(2_048);
        let (datagram, behind) = behind.split_at(length);
        rest = behind;
        match step {
            0 => {
                if let Some(pending) = aggregate.take() {
                    written.take(&pending);
                }
            }
            1 => {
                if let Some(pending) = aggregate.take() {
                    aggregate.give_back(pending);
                }
            }
            2 => aggregate.begin_anew(),
            3 => {
                heard += 1;
                aggregate.hear_truncated();
            }
            _ => {
                heard += 1;
                let monotonic_nanos = u64::from(*step) << 30;
                aggregate.hear(datagram, Moment { wall_micros: monotonic_nanos / 1_000, monotonic_nanos });
            }
        }
    }
    let totals = *aggregate.totals();
    if let Some(pending) = aggregate.take() {
        written.take(&pending);
    }
    assert!(aggregate.take().is_none(), "everything was taken");
    assert_eq!((written.datagrams, totals.datagrams), (heard, heard));
    assert_eq!((written.events, written.duplicates), (totals.events, totals.duplicates));
    // What is not among the sums was refused, and is counted there.
    assert!(written.loads <= totals.loads && written.hits <= totals.pings, "{written:?} of {totals:?}");
    let refused = (totals.loads - written.loads) + (totals.pings - written.hits);
    assert!(refused <= totals.loss.over_cap, "{written:?} of {totals:?}");
    assert!(totals.loads + totals.pings <= totals.events);
    assert!(written.searches <= totals.events);
}
