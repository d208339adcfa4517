//! Which processes repeat what another one of their role had done before they were forked: work that a preload
//! at that moment would have spared all of them.

use hashbrown::HashMap;

use super::MAX_KEYS;

/// Loads whose first time is remembered; beyond it all are forgotten, and the next process counts as the first.
const MAX_FIRST: usize = MAX_KEYS;

/// When a process was forked, by the monotonic clock of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forked {
    /// At so many nanoseconds.
    At(u64),
    /// After those that announced themselves: its role has many processes.
    Late,
    /// Nobody knows.
    Untold,
}

/// When each load was told first.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    first: HashMap<u64, u64>,
}

impl Repeats {
    /// Whether a process that tells of a load for the first time, at `nanos`, was forked after another one had.
    pub(crate) fn is_repeated(&mut self, load: u64, forked: Forked, nanos: u64) -> bool {
        if self.first.len() >= MAX_FIRST && !self.first.contains_key(&load) {
            self.first.clear();
        }
        let mut is_first = false;
        let first = self.first.entry(load).or_insert_with(|| {
            is_first = true;
            nanos
        });
        let before = *first;
        *first = before.min(nanos);
        match forked {
            _ if is_first => false,
            Forked::At(forked) => forked > before,
            Forked::Late => true,
            Forked::Untold => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_forked_after_the_first_load_repeats_it() {
        let mut repeats = Repeats::default();
        let mut told = |forked, nanos| repeats.is_repeated(7, forked, nanos);
        assert!(!told(Forked::At(10), 100), "the first");
        assert!(!told(Forked::At(20), 110), "forked before the first load");
        assert!(told(Forked::At(105), 120));
        assert!(told(Forked::Late, 130));
        assert!(!told(Forked::Untold, 140));
        assert!(!told(Forked::At(60), 70), "told late: it was the first");
        assert!(told(Forked::At(90), 150));
        assert!(!repeats.is_repeated(8, Forked::Late, 200), "the first of another load");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut repeats = Repeats::default();
        let loads = u64::try_from(MAX_FIRST).unwrap() + 1;
        assert!(!(0..loads).any(|load| repeats.is_repeated(load, Forked::Late, 1)));
        assert!(repeats.first.len() <= MAX_FIRST);
    }
}
