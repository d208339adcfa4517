//! Which numbers of a sequence have not come.
//!
//! Senders take a number and send a while later, and the scheduler may put anything in between; so a
//! number that is missing now may still come. The numbers that are missing are kept as ranges, oldest
//! first, as long as there are few of them; a late number closes its hole again, however late it is.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// Most holes that can still be closed; the oldest one beyond it stays open for good.
pub const MAX_HOLES: usize = 256;

/// The numbers of one tree, from 1.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    high: u64,
    missing: u64,
    holes: VecDeque<RangeInclusive<u64>>,
    /// Up to here there may be holes that are not kept.
    given_up: u64,
}

impl Sequence {
    /// A sequence that was watched from its beginning: 1 is missing until it comes.
    #[must_use]
    pub fn from_the_beginning() -> Self {
        Self::default()
    }

    /// A sequence that is watched from `high` on; `missing` of the numbers up to it have not come.
    #[must_use]
    pub fn resumed(high: u64, missing: u64) -> Self {
        Self { high, missing, holes: VecDeque::new(), given_up: high }
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
        let at = self.holes.partition_point(|hole| *hole.end() <= from);
        from >= self.given_up && self.holes.get(at).is_none_or(|hole| *hole.start() >= to)
    }

    /// Takes note that `number` came.
    pub fn hear(&mut self, number: u64) {
        if number > self.high {
            let first = self.high.saturating_add(1);
            if number > first {
                self.missing = self.missing.saturating_add(number - first);
                self.holes.push_back(first..=number - 1);
                self.settle();
            }
            self.high = number;
        } else {
            self.close(number);
        }
    }

    /// Closes the hole that `number` leaves, if it can still be closed.
    fn close(&mut self, number: u64) {
        let at = self.holes.partition_point(|hole| *hole.end() < number);
        let Some(hole) = self.holes.get_mut(at) else { return };
        if !hole.contains(&number) {
            return;
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
    }

    fn settle(&mut self) {
        if self.holes.len() > MAX_HOLES {
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
            sequence.hear(number);
        }
        assert_eq!((sequence.high(), sequence.missing()), (5, 1));
        sequence.hear(4);
        assert_eq!(sequence.missing(), 0);
        sequence.hear(4);
        assert_eq!(sequence.missing(), 0, "the same number twice is no second number");
    }

    #[test]
    fn a_hole_beyond_the_limit_stays_open() {
        let mut sequence = Sequence::from_the_beginning();
        let many = u64::try_from(MAX_HOLES).unwrap() + 1;
        for number in 1..=many {
            sequence.hear(number * 2);
        }
        assert_eq!(sequence.missing(), many);
        sequence.hear(1);
        assert_eq!(sequence.missing(), many, "1 was given up");
        sequence.hear(3);
        assert_eq!(sequence.missing(), many - 1);
        assert!(!sequence.is_whole(0, 2), "what was given up is not known to have come");
        assert!(sequence.is_whole(2, 4) && !sequence.is_whole(4, 6));
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut sequence = Sequence::from_the_beginning();
        sequence.hear(u64::MAX);
        sequence.hear(u64::MAX);
        sequence.hear(0);
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
            let mut sequence = Sequence::resumed(base, 7);
            let mut seen = BTreeSet::new();
            for number in numbers.drain(..) {
                sequence.hear(number);
                if number > base {
                    seen.insert(number);
                }
                let high = seen.last().copied().unwrap_or(base);
                let came = u64::try_from(seen.len()).unwrap();
                prop_assert_eq!(sequence.high(), high);
                prop_assert_eq!(sequence.missing(), 7 + (high - base) - came);
                let between = |from: u64, to: u64| (from + 1..to).all(|number| seen.contains(&number));
                for from in seen.iter().take(9) {
                    prop_assert_eq!(sequence.is_whole(*from, number), number <= *from || between(*from, number));
                }
            }
        }
    }
}
