//! A map that remembers the keys that were used lately.

use std::hash::{BuildHasher, Hash};

use alive_store::model::TreeKey;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// Of a full map, the part that is forgotten at once: few enough to keep what is in use, many enough
/// that looking for the oldest is rare.
const FORGOTTEN: usize = 8;

/// Keys that are found without looking for them: more than a daemon has workers that speak at once.
const HINTS: usize = 64;

/// A key of which neighbours are likely to be in use together: pids, numbers of processes.
///
/// What it says is no hash, and a sender may choose it: where two keys say the same, the one that was used last is
/// found at once and the other one is looked for.
pub(crate) trait Near {
    /// A number that neighbours have different ones of.
    fn near(&self) -> u32;
}

impl Near for u32 {
    fn near(&self) -> u32 {
        *self
    }
}

impl Near for TreeKey {
    fn near(&self) -> u32 {
        self.pid
    }
}

#[derive(Debug)]
struct Used<K, V> {
    key: K,
    at: u64,
    value: V,
}

/// A bounded map. When it is full the eighth that was silent longest is forgotten.
///
/// One event asks for the same key several times, and those of a few processes take turns, so it is remembered where
/// the keys are that were used last.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    known: Vec<Used<K, V>>,
    /// Where each key is in `known`.
    places: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// Where the key is that was used last, of those that say the same of themselves. May be out of date: the key
    /// that is there tells.
    hints: [usize; HINTS],
    max: usize,
    clock: u64,
}

/// One that is never full: its owner knows when it is enough.
impl<K: Hash + Eq + Near, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl<K: Hash + Eq + Near, V> Recent<K, V> {
    /// Remembers at most `max` keys.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            known: Vec::new(),
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            hints: [0; HINTS],
            max,
            clock: 0,
        }
    }

    /// How many keys are remembered.
    pub(crate) const fn len(&self) -> usize {
        self.known.len()
    }

    /// Where a key is, if it is where it was last.
    #[inline]
    fn hinted(&self, key: &K) -> Option<usize> {
        let place = self.hints[hint(key)];
        self.known.get(place).is_some_and(|used| used.key == *key).then_some(place)
    }

    fn place(&self, key: &K) -> Option<usize> {
        self.hinted(key).or_else(|| {
            self.places.find(self.hasher.hash_one(key), |&place| self.known[place].key == *key).copied()
        })
    }

    /// Whether a key is remembered. Does not count as use.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.place(key).is_some()
    }

    /// The value of a key, without using it.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.place(key).map(|place| &self.known[place].value)
    }

    /// The value of a key, to be changed without using it.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.place(key).map(|place| &mut self.known[place].value)
    }

    /// All keys and values, without using them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.known.iter().map(|used| (&used.key, &used.value))
    }

    /// All values, without using them.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.known.iter_mut().map(|used| &mut used.value)
    }

    /// Whether the next new key makes it forget others.
    pub(crate) const fn is_full(&self) -> bool {
        self.known.len() >= self.max
    }

    /// The value of a key, used now, and made when it is new. Grows beyond the bound if the caller did
    /// not make room with [`Recent::forget`].
    pub(crate) fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let place = match self.hinted(&key) {
            Some(place) => place,
            None => self.find_or_insert_with(key, new),
        };
        self.clock += 1;
        let used = &mut self.known[place];
        used.at = self.clock;
        &mut used.value
    }

    fn find_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> usize {
        let (known, hasher, hint) = (&mut self.known, &self.hasher, hint(&key));
        let of = |place: &usize| hasher.hash_one(&known[*place].key);
        let place = match self.places.entry(hasher.hash_one(&key), |&place| known[place].key == key, of) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(vacant) => {
                vacant.insert(known.len());
                known.push(Used { key, at: 0, value: new() });
                known.len() - 1
            }
        };
        self.hints[hint] = place;
        place
    }

    /// Forgets what is not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.take(|used| !keep(&used.value), drop);
    }

    /// Forgets the eighth that was silent longest and hands it to `each`.
    pub(crate) fn forget(&mut self, each: impl FnMut(V)) {
        let mut times: Vec<_> = self.known.iter().map(|used| used.at).collect();
        if times.is_empty() {
            return;
        }
        let (_, &mut newest, _) = {
            let last = (times.len() / FORGOTTEN).max(1) - 1;
            times.select_nth_unstable(last)
        };
        self.take(|used| used.at <= newest, each);
    }

    /// Takes out what is `gone` and hands it to `each`. What stood last moves into its place.
    fn take(&mut self, gone: impl Fn(&Used<K, V>) -> bool, mut each: impl FnMut(V)) {
        let mut place = 0;
        while let Some(used) = self.known.get(place) {
            if !gone(used) {
                place += 1;
                continue;
            }
            self.point(place, None);
            if place + 1 < self.known.len() {
                self.point(self.known.len() - 1, Some(place));
            }
            each(self.known.swap_remove(place).value);
        }
    }

    /// Lets the key at a place be found at another one, or nowhere.
    fn point(&mut self, place: usize, at: Option<usize>) {
        let hash = self.hasher.hash_one(&self.known[place].key);
        if let Ok(mut entry) = self.places.find_entry(hash, |&known| known == place) {
            match at {
                Some(at) => *entry.get_mut() = at,
                None => drop(entry.remove()),
            }
        }
    }
}

/// Which hint is a key's.
#[inline]
fn hint(key: &impl Near) -> usize {
    usize::try_from(key.near()).unwrap_or(0) % HINTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_silent_eighth_is_forgotten() {
        let mut recent = Recent::new(16);
        for key in 0..16u32 {
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
        recent.get_or_insert_with(7u32, || ());
        recent.forget(|()| ());
        assert_eq!(recent.len(), 0);
        recent.forget(|()| unreachable!("nothing is there"));
    }

    /// Against a map and a list of uses: whatever is asked for in whatever order.
    #[test]
    fn what_is_remembered_is_what_a_plain_map_says() {
        // Four of the hints serve all keys.
        let apart = u32::try_from(HINTS / 4).unwrap();
        let (mut recent, mut plain) = (Recent::new(40), Vec::<(u32, u32)>::new());
        let mut state = 7u32;
        for round in 0..20_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (state >> 16) % 64 * apart;
            if recent.is_full() {
                let mut forgotten = Vec::new();
                recent.forget(|value| forgotten.push(value));
                forgotten.sort_unstable();
                let mut oldest: Vec<_> = plain.drain(..5).map(|(_, value)| value).collect();
                oldest.sort_unstable();
                assert_eq!(forgotten, oldest);
            }
            if round % 97 == 0 {
                recent.retain(|value| value % 5 != 0);
                plain.retain(|(_, value)| value % 5 != 0);
            }
            let known = plain.iter().position(|(known, _)| *known == key).map(|at| plain.remove(at));
            assert_eq!(recent.peek(&key).copied(), known.map(|(_, value)| value));
            let (_, value) = known.unwrap_or((key, round));
            assert_eq!(*recent.get_or_insert_with(key, || round), value);
            plain.push((key, value));
            assert_eq!(recent.len(), plain.len());
            assert_eq!(recent.values_mut().count(), plain.len());
        }
        for (key, value) in plain {
            assert_eq!(recent.peek(&key), Some(&value));
        }
    }
}
