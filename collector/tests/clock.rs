//! A wall clock that is set forward and back, by an hour or by years: sums, gaps and processes do not notice.

mod scene;

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::Writer;
use proptest::prelude::*;
use scene::{Folder, Tree};

/// Microseconds of the wall clock at the beginning; it never goes before 1970.
const NOON: i64 = 1_780_000_000_000_000;

/// Steps of the wall clock in seconds, and what happens between two of them.
fn steps() -> impl Strategy<Value = Vec<(i64, u8)>> {
    let step =
        prop_oneof![Just(0), Just(3_600), Just(-3_600), -40_000_000..40_000_000_i64, Just(-4_000_000_000)];
    proptest::collection::vec((step, 0..4_u8), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn steps_of_the_clock_change_no_sum(steps in steps()) {
        let folder = Folder::new();
        let mut writer = Writer::open(&folder.db()).unwrap();
        let (mut wall, mut monotonic) = (NOON, 1_000_000_000_u64);
        let micros = |wall: i64| u64::try_from(wall.max(0)).unwrap();
        let mut aggregate = Aggregate::new(micros(wall), []);
        let mut tree = Tree { root_pid: 100, start_micros: micros(wall) + 1, sequence: 0 };
        let mut sent = 0;
        for (seconds, loads) in steps {
            wall = (wall + seconds * 1_000_000).clamp(0, i64::MAX / 2);
            aggregate.clock_stands_at(Moment { wall_micros: micros(wall), monotonic_nanos: monotonic });
            for _ in 0..=loads {
                monotonic += 1_000_000;
                wall += 1_000;
                let at = Moment { wall_micros: micros(wall), monotonic_nanos: monotonic };
                aggregate.hear(&tree.load(1, b"/a.pm"), at);
                sent += 1;
            }
            if let Some(pending) = aggregate.take() {
                writer.write_all(pending.batches(micros(wall), 1_024)).unwrap();
            }
        }
        writer.close().unwrap();
        let snapshot = folder.snapshot();
        prop_assert_eq!((snapshot.events, snapshot.duplicates), (sent, 0));
        prop_assert_eq!(snapshot.loss, alive_store::model::Loss::default());
        let program = folder.program();
        let load = &program.loads[0];
        prop_assert_eq!((program.loads.len(), load.events, load.processes), (1, sent, 1));
        prop_assert!(load.first_seen_micros <= load.last_seen_micros);
    }
}

#[test]
fn a_tree_that_begins_after_the_clock_was_set_back_is_known_from_its_first_event() {
    let at = |wall_micros| Moment { wall_micros, monotonic_nanos: 1 };
    let hour = 3_600_000_000;
    let noon = u64::try_from(NOON).unwrap();
    let mut aggregate = Aggregate::new(noon, []);
    aggregate.clock_stands_at(at(noon - hour));
    let mut tree = Tree { root_pid: 100, start_micros: noon - hour + 3, sequence: 0 };
    // Its first three events are lost.
    tree.sequence = 3;
    aggregate.hear(&tree.load(1, b"/a.pm"), at(noon - hour + 5));
    assert_eq!(aggregate.totals().loss.sequence_gaps, 3);
}
