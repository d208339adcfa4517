//! Whether the collector works: it receives, and what it receives can be stored.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::progress::Shared;

/// Time between two looks.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// How long the receiving thread may stand still. It goes around several times a second, whatever comes.
const STILL: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Health {
    shared: Arc<Shared>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    beats: u64,
    moved: Instant,
    looked: Instant,
}

impl Seen {
    /// Looks again. Who did not look for long, as when the whole process was stopped, knows nothing of the time between.
    fn look(&mut self, beats: u64, now: Instant) {
        if beats != self.beats || now.duration_since(self.looked) > 3 * LOOK {
            (self.beats, self.moved) = (beats, now);
        }
        self.looked = now;
    }
}

impl Health {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let seen = Mutex::new(Seen { beats: shared.beats(), moved: now, looked: now });
        Self { shared, seen }
    }

    /// Looks whether the receiving thread goes around; to be called about every [`LOOK`].
    pub(super) fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.look(self.shared.beats(), Instant::now());
    }

    /// What is wrong, as a sentence.
    pub(super) fn trouble(&self) -> Option<String> {
        self.look();
        let still = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.looked.duration_since(seen.moved)
        };
        if still >= STILL {
            return Some(format!(
                "the receiving thread has stood still for {} s: restart the collector",
                still.as_secs()
            ));
        }
        let error = self.shared.progress().write_error?;
        Some(format!("{error}; what is received waits in memory"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stands_still_is_told_from_a_process_that_was_stopped() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut seen = Seen { beats: 7, moved: began, looked: began };
        let still = |seen: &Seen| seen.looked.duration_since(seen.moved);
        for second in 1..=6 {
            seen.look(7, at(second));
        }
        assert!(still(&seen) >= STILL);
        seen.look(8, at(7));
        assert!(still(&seen) < STILL);
        seen.look(8, at(100));
        assert!(still(&seen) < STILL, "nobody looked meanwhile");
    }

    #[test]
    fn a_database_that_cannot_be_written_is_told_until_it_can() {
        let shared = Arc::new(Shared::default());
        let health = Health::new(Arc::clone(&shared));
        assert_eq!(health.trouble(), None);
        shared.set_write_error(Some("no room left to write a.db: free some space".into()));
        assert!(health.trouble().is_some_and(|trouble| trouble.contains("free some space")));
        shared.set_write_error(None);
        assert_eq!(health.trouble(), None);
    }
}
