//! What a load costs each process that does it: time, CPU, page faults, memory.
//!
//! The collector knows of many loads how long they took (their spans); of the last one of each burst it does not,
//! nor of what an older shim told. Those are estimated by the weight of their files, at the rate of the program's
//! other loads of that kind and language, and are never said to have taken longer than until their thread's next
//! load. A library that another one needs was mapped in the dlopen of that one, and its time is counted there.

use std::collections::{HashMap, HashSet};

use alive_store::model::Load;

use crate::caller::file_name;
use crate::forest::Node;

/// Private memory that stands behind a minor fault, in KiB: a page. See `docs/estimates.md`, which compares this
/// with what the kernel says.
const KIB_PER_FAULT: u64 = 4;

/// What it takes to find and open a file, beside what its contents take, in bytes that take as much. In CPython
/// those are about 16 KiB by the page faults and 100 KiB by the time, less where sources are compiled.
const FILE_BYTES: u64 = 32 << 10;

/// What one load or a whole tree of them costs one process, on average over those that do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Files.
    pub files: u64,
    /// Their sizes, in bytes, each counted once.
    pub bytes: u64,
    /// Microseconds; 0 where nothing is known.
    pub micros: u64,
    /// Microseconds of them on a CPU; 0 where nothing is known.
    pub cpu_micros: u64,
    /// Minor page faults.
    pub faults: u64,
    /// Private memory in KiB, always an estimate: by the faults, or by the size of the file where they are
    /// not known.
    pub private_kib: u64,
    /// Whether the times and faults are estimates, in part or as a whole.
    pub is_estimate: bool,
    /// What preloading would spare, to rank by and for nothing else: processes that repeated the work of the
    /// first one, times the microseconds plus the KiB of it. To get and keep a KiB of code takes about a
    /// microsecond, so the two may be added.
    pub score: u64,
}

impl Cost {
    fn with(load: &Load, time: Option<Time>, is_estimate: bool) -> Self {
        let Time { nanos, cpu_nanos, faults } = time.unwrap_or_default();
        let micros = nanos.max(dlopen_nanos(load)) / 1_000;
        let private_kib = match time {
            Some(_) => faults.saturating_mul(KIB_PER_FAULT),
            None => load.bytes.div_ceil(1024),
        };
        let repeats = load.processes.saturating_sub(1);
        Self {
            files: 1,
            bytes: load.bytes,
            micros,
            cpu_micros: cpu_nanos / 1_000,
            faults,
            private_kib,
            is_estimate,
            score: repeats.saturating_mul(micros.saturating_add(private_kib)),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            micros: self.micros.saturating_add(other.micros),
            cpu_micros: self.cpu_micros.saturating_add(other.cpu_micros),
            faults: self.faults.saturating_add(other.faults),
            private_kib: self.private_kib.saturating_add(other.private_kib),
            is_estimate: self.is_estimate || other.is_estimate,
            score: self.score.saturating_add(other.score),
        }
    }
}

/// What one process spends on a load.
#[derive(Debug, Clone, Copy, Default)]
struct Time {
    nanos: u64,
    cpu_nanos: u64,
    faults: u64,
}

impl Time {
    /// By the spans that were seen; `None` when there was none.
    fn measured(load: &Load) -> Option<Self> {
        if load.spans == 0 {
            return None;
        }
        // Ruby opens a file twice, and PHP again with every request: each is a part of what it costs.
        let each =
            |sum| scaled(sum, load.events.into(), u128::from(load.processes.max(1)) * u128::from(load.spans));
        Some(Self {
            nanos: each(load.span_nanos),
            cpu_nanos: each(load.span_cpu_nanos),
            faults: each(load.span_faults),
        })
    }

    fn scaled(self, times: u128, by: u128) -> Self {
        Self {
            nanos: scaled(self.nanos, times, by),
            cpu_nanos: scaled(self.cpu_nanos, times, by),
            faults: scaled(self.faults, times, by),
        }
    }
}

/// What a load's cost grows with.
fn weight(load: &Load) -> u64 {
    load.bytes.saturating_add(FILE_BYTES)
}

/// Microseconds that one process spends in the dlopen of a load; 0 where it was not measured. This bears less of
/// chance than the time between two loads does.
#[must_use]
pub fn dlopen_micros(load: &Load) -> u64 {
    dlopen_nanos(load) / 1_000
}

fn dlopen_nanos(load: &Load) -> u64 {
    load.nanos / load.processes.max(1)
}

/// `number` times `times` by `by`, to the nearest.
fn scaled(number: u64, times: u128, by: u128) -> u64 {
    let by = by.max(1);
    let product = u128::from(number).saturating_mul(times);
    u64::try_from(product.saturating_add(by / 2) / by).unwrap_or(u64::MAX)
}

/// What loads of a sort take for the weight of their files.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    weight: u64,
    time: Time,
}

impl Rate {
    fn add(&mut self, load: &Load, time: Time) {
        self.weight = self.weight.saturating_add(weight(load));
        self.time.nanos = self.time.nanos.saturating_add(time.nanos);
        self.time.cpu_nanos = self.time.cpu_nanos.saturating_add(time.cpu_nanos);
        self.time.faults = self.time.faults.saturating_add(time.faults);
    }

    /// What a load takes at this rate, within what is known of it; `None` when no rate is known.
    fn of(&self, load: &Load) -> Option<Time> {
        if self.weight == 0 {
            return None;
        }
        let time = self.time.scaled(weight(load).into(), self.weight.into());
        match load.bound_nanos {
            bound @ 1.. if bound < time.nanos => Some(time.scaled(bound.into(), time.nanos.into())),
            _ => Some(time),
        }
    }
}

/// The costs of a program's loads, each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Costs {
    own: Vec<Cost>,
}

impl Costs {
    /// Measures and estimates the costs of all loads of a program.
    #[must_use]
    pub fn new(loads: &[Load]) -> Self {
        let mut by_sort: HashMap<(&str, &str), Rate> = HashMap::new();
        let mut by_kind: HashMap<&str, Rate> = HashMap::new();
        let mut timed = HashSet::new();
        for load in loads {
            let time = Time::measured(load);
            if load.kind == "library" && (time.is_some() || load.nanos > 0) {
                timed.insert((load.role, file_name(&load.path)));
            }
            if let Some(time) = time {
                by_sort.entry((&load.kind, &load.language)).or_default().add(load, time);
                by_kind.entry(&load.kind).or_default().add(load, time);
            }
        }
        let own = loads.iter().map(|load| {
            if let Some(time) = Time::measured(load) {
                return Cost::with(load, Some(time), false);
            }
            // It came with another one, whose dlopen is measured.
            if !load.pulled_in_by.is_empty() && timed.contains(&(load.role, file_name(&load.pulled_in_by))) {
                return Cost::with(load, Some(Time::default()), false);
            }
            let sort = by_sort.get(&(load.kind.as_str(), load.language.as_str()));
            let rate = sort.or_else(|| by_kind.get(load.kind.as_str()));
            let time = rate.and_then(|rate| rate.of(load));
            Cost::with(load, time, time.is_some() || load.nanos == 0)
        });
        Self { own: own.collect() }
    }

    /// What a load costs by itself, by its index in the program's list.
    #[must_use]
    pub fn own(&self, load: usize) -> Cost {
        self.own.get(load).copied().unwrap_or_default()
    }

    /// What a load costs with all that it brought.
    #[must_use]
    pub fn total(&self, tree: &Node) -> Cost {
        tree.children.iter().fold(self.own(tree.load), |sum, child| sum.plus(self.total(child)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::tests::load;

    /// Of two processes, both seen to the end.
    fn timed(path: &str, bytes: u64, nanos: u64, faults: u64) -> Load {
        Load {
            bytes,
            spans: 2,
            span_nanos: 2 * nanos,
            span_cpu_nanos: nanos,
            span_faults: 2 * faults,
            ..load(path, 2)
        }
    }

    fn untimed(path: &str, bytes: u64) -> Load {
        Load { bytes, ..load(path, 2) }
    }

    #[test]
    fn what_was_measured_is_a_mean_of_the_processes() {
        let cost = Costs::new(&[timed("/a.pyc", 999, 3_000_000, 10)]).own(0);
        assert_eq!((cost.micros, cost.cpu_micros, cost.faults), (3_000, 1_500, 10));
        assert_eq!((cost.private_kib, cost.is_estimate), (40, false));
        assert_eq!(cost.score, 3_040, "one of the two repeated it");
    }

    #[test]
    fn a_process_pays_for_each_time_that_it_loads_a_file() {
        // Opened twice by each; of one of the four nobody saw the end.
        let load = Load { events: 4, spans: 3, span_nanos: 9_000, span_faults: 6, ..untimed("/a.rb", 10) };
        let cost = Costs::new(&[load]).own(0);
        assert_eq!((cost.micros, cost.faults), (6, 4));
    }

    #[test]
    fn what_was_not_seen_is_estimated_by_the_size_of_its_kind_and_language() {
        let loads = [
            timed("/a.pyc", 2_000, 1_000_000, 10),
            timed("/b.pyc", 6_000, 7_000_000, 30),
            timed("/c.so", 1_000_000, 5_000, 1),
            Load { language: "perl".into(), ..timed("/d.pm", 1_000, 90_000_000, 1) },
            untimed("/e.pyc", 4_000 + FILE_BYTES),
        ];
        let cost = Costs::new(&loads).own(4);
        assert_eq!((cost.micros, cost.cpu_micros, cost.faults), (7_564, 3_782, 38));
        assert!(cost.is_estimate);
    }

    #[test]
    fn no_estimate_is_longer_than_until_the_next_load() {
        let bounded = Load { bound_nanos: 250_000, ..untimed("/b.pyc", 1_000) };
        let costs = Costs::new(&[timed("/a.pyc", 1_000, 1_000_000, 8), bounded]);
        assert_eq!((costs.own(1).micros, costs.own(1).faults), (250, 2));
    }

    #[test]
    fn without_anything_to_go_by_a_file_counts_for_its_size() {
        let costs = Costs::new(&[untimed("/a.pyc", 5_000), timed("/b.so", 10, 10, 10)]);
        let cost = costs.own(0);
        assert_eq!((cost.micros, cost.faults, cost.private_kib, cost.is_estimate), (0, 0, 5, true));
        assert_eq!(cost.score, 5);
    }

    #[test]
    fn a_dlopen_took_no_less_than_it_took() {
        let dlopen = Load { nanos: 8_000, ..untimed("/a.so", 10_000) };
        let cost = Costs::new(std::slice::from_ref(&dlopen)).own(0);
        assert_eq!((cost.micros, cost.private_kib, cost.is_estimate), (4, 10, false));
        let cost = Costs::new(&[dlopen, timed("/b.so", 10_000, 1_000, 3)]).own(0);
        assert_eq!((cost.micros, cost.faults, cost.is_estimate), (4, 3, true));
    }

    #[test]
    fn a_dependency_is_part_of_the_dlopen_that_brought_it() {
        let needed = Load { pulled_in_by: b"/lib/a.so".to_vec(), ..untimed("/lib/needed.so", 9_000_000) };
        let loads = [timed("/usr/lib/a.so", 10, 4_000, 2), needed.clone()];
        let costs = Costs::new(&loads);
        assert_eq!((costs.own(1).micros, costs.own(1).private_kib, costs.own(1).is_estimate), (0, 0, false));
        let tree = Node { load: 0, children: vec![Node { load: 1, children: Vec::new() }] };
        let total = costs.total(&tree);
        assert_eq!((total.files, total.bytes, total.micros), (2, 9_000_010, 4));
        assert_eq!((total.private_kib, total.is_estimate), (8, false));
        let alone = Costs::new(&[needed]).own(0);
        assert!(alone.is_estimate, "nothing is known of what brought it");
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let load = Load {
            bytes: u64::MAX,
            events: u64::MAX,
            processes: u64::MAX,
            spans: 1,
            span_nanos: u64::MAX,
            span_cpu_nanos: u64::MAX,
            span_faults: u64::MAX,
            bound_nanos: 1,
            ..load("/a.pyc", 2)
        };
        let costs = Costs::new(&[load.clone(), Load { spans: 0, ..load }]);
        let sum = costs.own(0).plus(costs.own(1));
        assert_eq!((sum.bytes, sum.private_kib, sum.score), (u64::MAX, u64::MAX, u64::MAX));
    }
}
