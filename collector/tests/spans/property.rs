//! Whatever is told, in whatever order: no thread spends more than there was.

use alive_store::model::LoadRow;
use alive_wire::header::flags;
use proptest::prelude::*;

use crate::{LOAD, Scene, Told, inside};

/// A load out of a few: thread, microseconds since the one before, of CPU, faults, file, depth, dlopen.
type Step = (u32, u64, u64, u64, usize, usize, Option<u64>);

fn step() -> impl Strategy<Value = Step> {
    let dlopen = prop::option::of(0..3_000u64);
    (1..3u32, 0..5_000u64, 0..6_000u64, 0..50u64, 0..4usize, 0..6usize, dlopen)
}

proptest! {
    /// Whatever is told, in whatever order, and whatever of it is lost.
    #[test]
    fn no_thread_spends_more_than_there_was(
        steps in prop::collection::vec(step(), 0..40),
        lost in prop::collection::vec(any::<bool>(), 40),
        swaps in prop::collection::vec(any::<bool>(), 40),
        odd in prop::collection::vec(0..8u16, 40),
    ) {
        const FILES: [&str; 4] = ["/A.pm", "/B.pm", "/C.pm", "/D.pm"];
        let mut scene = Scene::new();
        let mut clocks = [(0, 0, 0); 3];
        let mut first_and_last: [Option<(u64, u64)>; 3] = [None; 3];
        let mut datagrams = Vec::new();
        let mut now = 0;
        for (index, &(thread, wall, cpu, faults, file, depth, dlopen)) in steps.iter().enumerate() {
            now += wall;
            let slot = usize::try_from(thread).unwrap();
            let clock = &mut clocks[slot];
            *clock = (now, clock.1 + cpu, clock.2 + faults);
            let lines: Vec<_> = (0..depth).map(|at| (u32::try_from(at % 3).unwrap(), FILES[at % 4], "")).collect();
            let datagram = scene.compose(Told {
                thread,
                at: clock.0,
                cpu: clock.1,
                faults: clock.2,
                path: FILES[file],
                lines: &inside(&lines),
                dlopen,
                flags: if odd[index] == 0 { flags::FRAMES_CUT } else { 0 },
                ..LOAD
            });
            if !lost[index] || index % 2 == 0 {
                let seen = first_and_last[slot].get_or_insert((now, now));
                seen.1 = now;
                datagrams.push(datagram);
            }
        }
        for (index, swap) in swaps.iter().enumerate().take(datagrams.len().saturating_sub(1)) {
            if *swap {
                datagrams.swap(index, index + 1);
            }
        }
        for datagram in &datagrams {
            scene.hear(datagram);
        }
        let loads = scene.loads();
        let sum = |of: fn(&LoadRow) -> u64| loads.values().map(of).sum::<u64>();
        let elapsed: u64 = first_and_last.iter().flatten().map(|(first, last)| last - first).sum();
        let all: (u64, u64) = clocks.iter().fold((0, 0), |sum, clock| (sum.0 + clock.1, sum.1 + clock.2));
        prop_assert!(sum(|load| load.span_nanos) <= elapsed * 1_000);
        prop_assert!(sum(|load| load.span_cpu_nanos) <= sum(|load| load.span_nanos));
        prop_assert!(sum(|load| load.span_cpu_nanos) <= all.0 * 1_000);
        prop_assert!(sum(|load| load.span_faults) <= all.1);
        prop_assert!(loads.values().all(|load| load.spans <= load.events));
    }
}
