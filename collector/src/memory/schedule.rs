//! Whose memory is looked at next. Pure: the time is passed in.

use std::time::{Duration, Instant};

use alive_store::model::TreeKey;
use hashbrown::HashMap;

/// Most processes that are looked at; beyond it a new one takes the place of the one that was silent longest.
const MAX_KNOWN: usize = 4_096;

/// A process that is never silent is looked at after so many times the silence that others are waited for.
const PATIENCE: u32 = 5;

/// What a process is known by: its tree and its pid.
pub(crate) type Key = (TreeKey, u32);

#[derive(Debug)]
struct Known<S> {
    speaker: S,
    first_heard: Instant,
    last_heard: Instant,
    /// When it started and when it was looked at last.
    looked: Option<(u64, Instant)>,
}

/// The processes that spoke and are there still, as far as is known.
#[derive(Debug)]
pub(crate) struct Schedule<S> {
    known: HashMap<Key, Known<S>>,
    quiet: Duration,
    every: Duration,
}

impl<S: Clone> Schedule<S> {
    pub(crate) fn new(quiet: Duration, every: Duration) -> Self {
        Self { known: HashMap::new(), quiet, every }
    }

    /// Waits for another silence and another time between two looks from now on.
    pub(crate) const fn change(&mut self, quiet: Duration, every: Duration) {
        (self.quiet, self.every) = (quiet, every);
    }

    /// Knows nobody any more.
    pub(crate) fn forget_all(&mut self) {
        self.known.clear();
    }

    /// Whether nobody is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A process spoke.
    pub(crate) fn hear(&mut self, key: Key, speaker: S, now: Instant) {
        if let Some(known) = self.known.get_mut(&key) {
            known.speaker = speaker;
            known.last_heard = now;
            return;
        }
        if self.known.len() >= MAX_KNOWN
            && let Some(oldest) =
                self.known.iter().min_by_key(|(_, known)| known.last_heard).map(|(key, _)| *key)
        {
            self.known.remove(&oldest);
        }
        self.known.insert(key, Known { speaker, first_heard: now, last_heard: now, looked: None });
    }

    /// The process that has waited longest for a look that is due.
    pub(crate) fn due(&self, now: Instant) -> Option<S> {
        self.known
            .values()
            .filter_map(|known| Some((self.since_due(known, now)?, known)))
            .max_by_key(|(waited, _)| *waited)
            .map(|(_, known)| known.speaker.clone())
    }

    /// How long a look has been due; `None` when it is not.
    fn since_due(&self, known: &Known<S>, now: Instant) -> Option<Duration> {
        match known.looked {
            Some((_, last)) => now.checked_duration_since(last + self.every),
            None => {
                let silent = now.checked_duration_since(known.last_heard + self.quiet);
                silent.or_else(|| now.checked_duration_since(known.first_heard + self.quiet * PATIENCE))
            }
        }
    }

    /// The processes without a look younger than `age`, those without any first.
    pub(crate) fn stale(&self, now: Instant, age: Duration) -> Vec<S> {
        let mut stale: Vec<_> = self
            .known
            .iter()
            .map(|(&(_, pid), known)| (known.looked.map(|(_, last)| last), pid, &known.speaker))
            .filter(|(last, ..)| last.is_none_or(|last| now.saturating_duration_since(last) >= age))
            .collect();
        stale.sort_by_key(|(last, pid, _)| (*last, *pid));
        stale.into_iter().map(|(.., speaker)| speaker.clone()).collect()
    }

    /// When the process started that was found under this pid at the last look.
    pub(crate) fn start_ticks(&self, key: Key) -> Option<u64> {
        self.known.get(&key)?.looked.map(|(start_ticks, _)| start_ticks)
    }

    /// A process was looked at.
    pub(crate) fn looked(&mut self, key: Key, start_ticks: u64, now: Instant) {
        if let Some(known) = self.known.get_mut(&key) {
            known.looked = Some((start_ticks, now));
        }
    }

    /// A process is gone, or is none of those that spoke.
    pub(crate) fn forget(&mut self, key: Key) {
        self.known.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_secs(30);

    fn key(pid: u32) -> Key {
        (TreeKey { pid: 1, start_micros: 1 }, pid)
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_first_look_waits_until_a_process_is_silent() {
        let (mut schedule, begin) = (Schedule::new(QUIET, EVERY), Instant::now());
        schedule.hear(key(7), 7, begin);
        schedule.hear(key(7), 7, begin + seconds(1));
        assert_eq!(schedule.due(begin + seconds(2)), None);
        assert_eq!(schedule.due(begin + seconds(3)), Some(7));
    }

    #[test]
    fn a_process_that_is_never_silent_is_looked_at_all_the_same() {
        let (mut schedule, begin) = (Schedule::new(QUIET, EVERY), Instant::now());
        for second in 0..=10 {
            schedule.hear(key(7), 7, begin + seconds(second));
        }
        assert_eq!(schedule.due(begin + seconds(9)), None);
        assert_eq!(schedule.due(begin + seconds(10)), Some(7));
    }

    #[test]
    fn later_looks_come_at_most_so_often_and_the_longest_waiting_first() {
        let (mut schedule, begin) = (Schedule::new(QUIET, EVERY), Instant::now());
        for pid in [7, 8, 9] {
            schedule.hear(key(pid), pid, begin);
            schedule.looked(key(pid), 100, begin + seconds(u64::from(10 - pid)));
        }
        schedule.hear(key(9), 9, begin + seconds(20));
        assert_eq!(schedule.due(begin + seconds(30)), None);
        assert_eq!(schedule.due(begin + seconds(60)), Some(9));
        schedule.forget(key(9));
        assert_eq!(schedule.due(begin + seconds(60)), Some(8));
        assert_eq!((schedule.start_ticks(key(8)), schedule.start_ticks(key(9))), (Some(100), None));
    }

    #[test]
    fn in_a_hurry_those_that_nobody_looked_at_come_first() {
        let (mut schedule, begin) = (Schedule::new(QUIET, EVERY), Instant::now());
        for pid in [7, 8, 9] {
            schedule.hear(key(pid), pid, begin);
        }
        schedule.looked(key(7), 100, begin);
        schedule.looked(key(8), 100, begin + seconds(9));
        assert_eq!(schedule.stale(begin + seconds(9), seconds(1)), [9, 7]);
    }

    #[test]
    fn so_many_processes_are_known_and_no_more() {
        let (mut schedule, begin) = (Schedule::new(QUIET, EVERY), Instant::now());
        for pid in 0..=u32::try_from(MAX_KNOWN).unwrap() {
            schedule.hear(key(pid), pid, begin + Duration::from_millis(u64::from(pid)));
        }
        assert_eq!(schedule.known.len(), MAX_KNOWN);
        assert!(!schedule.known.contains_key(&key(0)), "the one that was silent longest");
    }
}
