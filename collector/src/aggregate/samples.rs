//! Which stacks were taken as samples of a load, so that each is copied once.

use alive_store::model::MAX_STACKS;
use hashbrown::HashMap;

use super::MAX_KEYS;

/// Loads whose samples are remembered; beyond it all are forgotten, and a sample may be offered again.
const MAX_SAMPLED: usize = MAX_KEYS;

/// The hashes of the samples of each load.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    taken: HashMap<u64, Vec<u64>>,
}

impl Samples {
    /// Whether a stack is one of the first distinct ones of a load; from then on it is a sample.
    pub(crate) fn wanted(&mut self, load: u64, stack: impl FnOnce() -> u64) -> bool {
        if self.taken.len() >= MAX_SAMPLED && !self.taken.contains_key(&load) {
            self.taken.clear();
        }
        let taken = self.taken.entry(load).or_default();
        if taken.len() >= MAX_STACKS {
            return false;
        }
        let stack = stack();
        let fresh = !taken.contains(&stack);
        if fresh {
            taken.push(stack);
        }
        fresh
    }

    /// The samples of a sum that may be gone: they are wanted again.
    pub(crate) fn forget(&mut self, load: u64) {
        self.taken.remove(&load);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_distinct_stacks_of_each_load_are_wanted_once() {
        let mut samples = Samples::default();
        let mut wanted = |load, stack| samples.wanted(load, || stack);
        assert_eq!([1, 1, 2, 1, 3, 4].map(|stack| wanted(7, stack)), [true, false, true, false, true, false]);
        assert!(wanted(8, 1));
        samples.forget(7);
        assert!(samples.wanted(7, || 1));
    }
}
