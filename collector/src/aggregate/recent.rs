//! A map that remembers the keys that were used lately.

use std::hash::Hash;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// Of a full map, the part that is forgotten at once: few enough to keep what is in use, many enough
/// that looking for the oldest is rare.
const FORGOTTEN: usize = 8;

#[derive(Debug)]
struct Used<V> {
    at: u64,
    value: V,
}

/// A bounded map. When it is full the eighth that was silent longest is forgotten.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    known: HashMap<K, Used<V>>,
    max: usize,
    clock: u64,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// Remembers at most `max` keys.
    pub(crate) fn new(max: usize) -> Self {
        Self { known: HashMap::new(), max, clock: 0 }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether a key is remembered. Does not count as use.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.known.contains_key(key)
    }

    /// The value of a key, without using it.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.known.get(key).map(|used| &used.value)
    }

    /// The value of a key, to be changed without using it.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.known.get_mut(key).map(|used| &mut used.value)
    }

    /// Whether the next new key makes it forget others.
    pub(crate) fn is_full(&self) -> bool {
        self.known.len() >= self.max
    }

    /// The value of a key, used now, and made when it is new. Grows beyond the bound if the caller did
    /// not make room with [`Recent::forget`].
    pub(crate) fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        self.clock += 1;
        let used = match self.known.entry(key) {
            Entry::Occupied(used) => used.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Used { at: 0, value: new() }),
        };
        used.at = self.clock;
        &mut used.value
    }

    /// Forgets the eighth that was silent longest and hands it to `each`.
    pub(crate) fn forget(&mut self, mut each: impl FnMut(V)) {
        let mut times: Vec<_> = self.known.values().map(|used| used.at).collect();
        if times.is_empty() {
            return;
        }
        let (_, &mut newest, _) = {
            let last = (times.len() / FORGOTTEN).max(1) - 1;
            times.select_nth_unstable(last)
        };
        self.known.extract_if(|_, used| used.at <= newest).for_each(|(_, used)| each(used.value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_silent_eighth_is_forgotten() {
        let mut recent = Recent::new(16);
        for key in 0..16 {
            *recent.get_or_insert_with(key, || 0) = key;
        }
        assert!(recent.is_full());
        recent.get_or_insert_with(0, || unreachable!("it is known"));
        assert_eq!(recent.peek_mut(&1), Some(&mut 1), "a look is no use");
        let mut forgotten = Vec::new();
        recent.forget(|value| forgotten.push(value));
        forgotten.sort_unstable();
        assert_eq!(forgotten, [1, 2]);
        assert!(recent.contains(&0) && !recent.contains(&1));
        assert_eq!(recent.len(), 14);
    }

    #[test]
    fn something_is_always_forgotten() {
        let mut recent = Recent::new(1);
        recent.get_or_insert_with("only", || ());
        recent.forget(|()| ());
        assert_eq!(recent.len(), 0);
        recent.forget(|()| unreachable!("nothing is there"));
    }
}
