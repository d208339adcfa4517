//! Which numbers of a sequence have not come.
//!
//! Senders take a number and send a while later, and the scheduler may put anything in between; so a
//! number that is missing now may still come. The numbers that are missing are kept as ranges, oldest
//! first, as long as there are few of them; a late number closes its hole again, however late it is.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// Most holes of a tree that can still be closed; the oldest one beyond it stays open for good. As many late
/// numbers from before the watch are told apart.
pub const MAX_HOLES: usize = 128;

/// The same for a sequence of one process, of which there may be many.
const MAX_HOLES_OF_ONE: usize = 8;

/// Nobody counted what came before.
const UNKNOWN: u64 = u64::MAX;

/// What a number tells of the event that bears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was not there before.
    Fresh,
    /// It was, or it was given up and is counted as missing for good: its event must not be counted.
    Again,
}

/// The numbers of one tree, from 1.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    high: u64,
    missing: u64,
    /// Where it began to be watched. Which of the numbers up to here came is not known.
    floor: u64,
    /// Numbers up to the floor that may still come as fresh ones.
    missing_below: u64,
    /// Those that did, sorted.
    late: Vec<u64>,
    holes: VecDeque<RangeInclusive<u64>>,
    /// Whether it is that of one process.
    of_one: bool,
    /// Up to here there may be holes that are not kept.
    given_up: u64,
}

impl Sequence {
    /// A sequence that was watched from its beginning: 1 is missing until it comes.
    #[must_use]
    pub fn from_the_beginning() -> Self {
        Self::default()
    }

    /// A sequence that is watched from `high` on by somebody who knows that `missing` of the numbers up to it
    /// have not come. A number up to it is taken for one of those, as long as there are some.
    #[must_use]
    pub fn resumed(high: u64, missing: u64) -> Self {
        Self { high, missing, floor: high, missing_below: missing, given_up: high, ..Self::default() }
    }

    /// A sequence that is watched from `number` on, which comes now. Nothing is known of those before it: they
    /// are not missing, and when one comes it is fresh.
    #[must_use]
    pub fn joined_at(number: u64) -> Self {
        let floor = number.saturating_sub(1);
        Self { high: floor, floor, missing_below: UNKNOWN, given_up: floor, ..Self::default() }
    }

    /// The same for the sequence of one process, which has hardly anything that comes late.
    #[must_use]
    pub fn of_one_joined_at(number: u64) -> Self {
        Self { of_one: true, ..Self::joined_at(number) }
    }

    const fn limit(&self) -> usize {
        if self.of_one { MAX_HOLES_OF_ONE } else { MAX_HOLES }
    }

    /// The highest number that came.
    #[must_use]
    pub const fn high(&self) -> u64 {
        self.high
    }

    /// How many numbers up to the highest have not come.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether every number between two that came, without both, is known to have come.
    #[must_use]
    pub fn is_whole(&self, from: u64, to: u64) -> bool {
        let is_in_none = || {
            let at = self.holes.partition_point(|hole| *hole.end() <= from);
            self.holes.get(at).is_none_or(|hole| *hole.start() >= to)
        };
        from >= self.given_up && (self.holes.is_empty() || is_in_none())
    }

    /// From where on no number up to the highest is missing, as far as that is told at once: beyond every number where
    /// it is not.
    #[inline]
    #[must_use]
    pub fn whole_from(&self) -> u64 {
        if self.holes.is_empty() { self.given_up } else { u64::MAX }
    }

    /// Whether `number` is the one behind the highest.
    #[inline]
    #[must_use]
    pub const fn is_next(&self, number: u64) -> bool {
        matches!(self.high.checked_add(1), Some(next) if next == number)
    }

    /// Takes note that `number` came; 0 is no number, and always fresh.
    #[inline]
    pub fn hear(&mut self, number: u64) -> Arrival {
        if self.is_next(number) {
            self.high = number;
            return Arrival::Fresh;
        }
        self.hear_out_of_turn(number)
    }

    fn hear_out_of_turn(&mut self, number: u64) -> Arrival {
        if number > self.high {
            let first = self.high.saturating_add(1);
            if number > first {
                self.missing = self.missing.saturating_add(number - first);
                self.holes.push_back(first..=number - 1);
                self.settle();
            }
            self.high = number;
            return Arrival::Fresh;
        }
        match number {
            0 => Arrival::Fresh,
            _ if number <= self.floor => self.hear_below(number),
            _ => self.close(number),
        }
    }

    /// A number up to the floor came.
    fn hear_below(&mut self, number: u64) -> Arrival {
        if self.missing_below == 0 || self.late.len() >= self.limit() {
            return Arrival::Again;
        }
        let Err(place) = self.late.binary_search(&number) else { return Arrival::Again };
        self.late.insert(place, number);
        if self.missing_below != UNKNOWN {
            self.missing_below -= 1;
            self.missing = self.missing.saturating_sub(1);
        }
        Arrival::Fresh
    }

    /// Closes the hole that `number` leaves, if it can still be closed.
    fn close(&mut self, number: u64) -> Arrival {
        let at = self.holes.partition_point(|hole| *hole.end() < number);
        let Some(hole) = self.holes.get_mut(at) else { return Arrival::Again };
        if !hole.contains(&number) {
            return Arrival::Again;
        }
        self.missing = self.missing.saturating_sub(1);
        let (start, end) = (*hole.start(), *hole.end());
        match (start == number, end == number) {
            (true, true) => {
                self.holes.remove(at);
            }
            (true, false) => *hole = number + 1..=end,
            (false, true) => *hole = start..=number - 1,
            (false, false) => {
                *hole = number + 1..=end;
                self.holes.insert(at, start..=number - 1);
                self.settle();
            }
        }
        Arrival::Fresh
    }

    fn settle(&mut self) {
        if self.holes.len() > self.limit() {
            let hole = self.holes.pop_front();
            self.given_up = hole.map_or(self.given_up, |hole| self.given_up.max(*hole.end()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_comes_late_is_no_gap() {
        let mut sequence = Sequence::from_the_beginning();
        for number in [1, 2, 5, 3] {
            assert_eq!(sequence.hear(number), Arrival::Fresh);
        }
        assert_eq!((sequence.high(), sequence.missing()), (5, 1));
        assert_eq!(sequence.hear(4), Arrival::Fresh);
        assert_eq!(sequence.missing(), 0);
        assert_eq!(sequence.hear(4), Arrival::Again);
        assert_eq!(sequence.missing(), 0, "the same number twice is no second number");
    }

    #[test]
    fn who_joins_later_knows_nothing_of_what_came_before() {
        let mut sequence = Sequence::joined_at(40);
        assert_eq!([40, 38, 39, 42].map(|number| sequence.hear(number)), [Arrival::Fresh; 4]);
        assert_eq!((sequence.high(), sequence.missing()), (42, 1));
        assert_eq!([39, 40, 42].map(|number| sequence.hear(number)), [Arrival::Again; 3]);
    }

    #[test]
    fn who_goes_on_believes_as_many_late_numbers_as_were_missing() {
        let mut sequence = Sequence::resumed(40, 2);
        assert_eq!([39, 39].map(|number| sequence.hear(number)), [Arrival::Fresh, Arrival::Again]);
        assert_eq!((sequence.high(), sequence.missing()), (40, 1));
        assert_eq!(sequence.hear(38), Arrival::Fresh);
        assert_eq!(sequence.hear(37), Arrival::Again, "all 40 have come");
        assert_eq!(sequence.missing(), 0);
    }

    #[test]
    fn a_hole_beyond_the_limit_stays_open() {
        let mut sequence = Sequence::from_the_beginning();
        let many = u64::try_from(MAX_HOLES).unwrap() + 1;
        for number in 1..=many {
            sequence.hear(number * 2);
        }
        assert_eq!(sequence.missing(), many);
        assert_eq!(sequence.hear(1), Arrival::Again, "1 was given up, and stays counted as missing");
        assert_eq!(sequence.missing(), many);
        assert_eq!(sequence.hear(3), Arrival::Fresh);
        assert_eq!(sequence.missing(), many - 1);
        assert!(!sequence.is_whole(0, 2), "what was given up is not known to have come");
        assert!(sequence.is_whole(2, 4) && !sequence.is_whole(4, 6));
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut sequence = Sequence::from_the_beginning();
        assert_eq!(sequence.hear(u64::MAX), Arrival::Fresh);
        assert_eq!(sequence.hear(u64::MAX), Arrival::Again);
        assert_eq!(sequence.hear(0), Arrival::Fresh, "no number");
        assert_eq!((sequence.high(), sequence.missing()), (u64::MAX, u64::MAX - 1));
    }

    proptest! {
        /// The naive model: the set of all that came.
        #[test]
        fn missing_is_what_a_set_says(
            mut numbers in prop::collection::vec(1u64..200, 0..200),
            resumed in prop::option::of(0u64..50),
        ) {
            let base = resumed.unwrap_or(0);
            let mut sequence = Sequence::resumed(base, 0);
            let mut seen = BTreeSet::new();
            for number in numbers.drain(..) {
                let fresh = number > base && seen.insert(number);
                prop_assert_eq!(sequence.hear(number) == Arrival::Fresh, fresh);
                let high = seen.last().copied().unwrap_or(base);
                let came = u64::try_from(seen.len()).unwrap();
                prop_assert_eq!(sequence.high(), high);
                prop_assert_eq!(sequence.missing(), (high - base) - came);
                let whole = seen.iter().all(|from| *from < sequence.whole_from() || sequence.is_whole(*from, high));
                prop_assert!(whole, "what is told at once is what is told");
                let between = |from: u64, to: u64| (from + 1..to).all(|number| seen.contains(&number));
                for from in seen.iter().take(9) {
                    prop_assert_eq!(sequence.is_whole(*from, number), number <= *from || between(*from, number));
                }
            }
        }
    }
}
