//! The arithmetic of a paired measurement: turns, medians, ratios. Pure.
//!
//! A virtual machine's clock speed drifts by a factor of two between runs, so a time alone means
//! little. What is compared here was measured in turns: each turn gives one time for each variant,
//! taken within milliseconds of each other, and the ratio is taken turn by turn.

/// Times of several variants, turn by turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turns {
    /// One entry for each turn; each has a time for each variant.
    times: Vec<Vec<f64>>,
}

/// The middle half of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// A quarter of the numbers lies below.
    pub(crate) low: f64,
    /// Half of them.
    pub(crate) median: f64,
    /// Three quarters.
    pub(crate) high: f64,
}

impl Spread {
    /// The spread of `numbers`; `None` when there are none or one of them is not a number.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Option<Self> {
        if numbers.iter().any(|number| number.is_nan()) {
            return None;
        }
        numbers.sort_by(f64::total_cmp);
        let (below, above) = numbers.split_at(numbers.len() / 2);
        let low = middle(below).or_else(|| middle(above))?;
        Some(Self { low, median: middle(&numbers)?, high: middle(above)? })
    }
}

/// The median of sorted numbers.
fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(sorted.len() / 2 - 1)?, upper))
}

impl Turns {
    /// No turns yet.
    pub(crate) const fn new() -> Self {
        Self { times: Vec::new() }
    }

    /// Takes `turns` turns of `variants` variants. `time` measures the variant it is given; a
    /// different one goes first in each turn, so that no variant always follows the same one.
    ///
    /// # Errors
    /// The first error of `time`.
    pub(crate) fn take<E>(
        &mut self,
        variants: usize,
        turns: usize,
        mut time: impl FnMut(usize) -> Result<f64, E>,
    ) -> Result<(), E> {
        for turn in 0..turns {
            let mut times = vec![f64::NAN; variants];
            for place in 0..variants {
                let variant = (turn + place) % variants;
                times[variant] = time(variant)?;
            }
            self.push(times);
        }
        Ok(())
    }

    /// Adds one turn that was measured elsewhere.
    pub(crate) fn push(&mut self, times: Vec<f64>) {
        self.times.push(times);
    }

    /// The same turns with something else made of each time.
    pub(crate) fn map(&self, make: impl Fn(f64) -> f64) -> Self {
        Self { times: self.times.iter().map(|turn| turn.iter().map(|&time| make(time)).collect()).collect() }
    }

    /// The times of one variant.
    pub(crate) fn of(&self, variant: usize) -> Vec<f64> {
        self.times.iter().filter_map(|turn| turn.get(variant).copied()).collect()
    }

    /// The least time of one variant.
    pub(crate) fn least(&self, variant: usize) -> Option<f64> {
        self.of(variant).into_iter().min_by(f64::total_cmp)
    }

    /// Turn by turn, the time of `variant` over the time of `base`.
    pub(crate) fn ratio(&self, variant: usize, base: usize) -> Option<Spread> {
        Spread::of(self.of(variant).iter().zip(self.of(base)).map(|(with, without)| with / without).collect())
    }

    /// Turn by turn, what `variant` took longer than `base`.
    pub(crate) fn added(&self, variant: usize, base: usize) -> Option<Spread> {
        Spread::of(self.of(variant).iter().zip(self.of(base)).map(|(with, without)| with - without).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, Turns};
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use std::convert::Infallible;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { low: 1.5, median: 2.5, high: 3.5 }));
    }

    #[test]
    fn one_number_is_its_own_spread_and_none_has_none() {
        assert_eq!(Spread::of(vec![7.0]), Some(Spread { low: 7.0, median: 7.0, high: 7.0 }));
        assert_eq!(Spread::of(vec![]), None);
        assert_eq!(Spread::of(vec![1.0, f64::NAN]), None);
    }

    #[test]
    fn each_turn_asks_every_variant_once_and_another_one_first() {
        let mut order = Vec::new();
        let mut turns = Turns::new();
        let taken = turns.take(3, 4, |variant| {
            order.push(variant);
            Ok::<_, Infallible>(if variant == 1 { 20.0 } else { 10.0 })
        });
        assert_eq!(taken, Ok(()));
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1, 0, 1, 2]);
        assert_eq!(turns.of(1), [20.0; 4], "times are kept under their variant, whatever the order");
    }

    #[test]
    fn an_error_ends_the_turns() {
        let mut left = 4;
        let taken = Turns::new().take(2, 10, |_| {
            left -= 1;
            if left == 0 { Err("stop") } else { Ok(1.0) }
        });
        assert_eq!((taken, left), (Err("stop"), 0));
    }

    #[test]
    fn ratios_are_taken_within_a_turn() {
        let mut turns = Turns::new();
        for speed in [1.0, 2.0, 4.0] {
            turns.push(vec![100.0 * speed, 150.0 * speed]);
        }
        assert_eq!(turns.ratio(1, 0), Some(Spread { low: 1.5, median: 1.5, high: 1.5 }));
        assert_eq!(turns.added(1, 0).map(|added| added.median), Some(100.0));
        assert_eq!(turns.least(1), Some(150.0));
    }

    proptest! {
        #[test]
        fn a_spread_is_ordered_and_ignores_the_order_of_its_numbers(mut numbers in vec(-1e9..1e9f64, 1..50)) {
            let spread = Spread::of(numbers.clone()).expect("there are numbers");
            prop_assert!(spread.low <= spread.median && spread.median <= spread.high);
            prop_assert!(numbers.iter().filter(|&&number| number <= spread.median).count() * 2 >= numbers.len());
            prop_assert!(numbers.iter().filter(|&&number| number >= spread.median).count() * 2 >= numbers.len());
            numbers.reverse();
            prop_assert_eq!(Spread::of(numbers), Some(spread));
        }
    }
}
