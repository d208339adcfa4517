//! When the database is kept small: a round at the start and then once in a while, step by step, while the writer
//! has nothing to write.

use std::time::{Duration, Instant};

use alive_store::{Upkeep, Writer};

use crate::moment::Moment;
use crate::options::{Retention, UpkeepOptions};

/// Pauses between two steps, in times of what a step took: a fifth of the writer's time is upkeep's at most. What
/// is to be done comes with what is written, so a fixed pause would fall behind where much is.
const REST: u32 = 4;

/// Shortest and longest pause between two steps. A batch that is offered meanwhile is served first.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// Longest time that batches which come one behind the other keep a step from being taken.
const PATIENCE: Duration = Duration::from_millis(250);

/// Pause after a step that failed.
const AGAIN: Duration = Duration::from_secs(10);

/// The rounds of one writer.
#[derive(Debug)]
pub(crate) struct Rounds {
    options: UpkeepOptions,
    round: Option<Upkeep>,
    /// When the next step is due, of this round or the next.
    next: Instant,
}

impl Rounds {
    /// The first one begins now.
    pub(crate) fn new(options: UpkeepOptions) -> Self {
        Self { options, round: None, next: Instant::now() + PAUSE.0 }
    }

    /// How long there is nothing to do.
    pub(crate) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Whether a step has been due for so long that it is taken between two batches.
    pub(crate) fn is_overdue(&self) -> bool {
        self.next.elapsed() >= PATIENCE
    }

    /// Takes a step, if there is a database. A round goes by what was to be forgotten when it began.
    pub(crate) fn step(&mut self, writer: Option<&mut Writer>, retention: Retention) {
        let Some(writer) = writer else {
            self.next = Instant::now() + PAUSE.1;
            return;
        };
        let begin = || Upkeep::new(retention.of_store(self.options), Moment::now().wall_micros);
        let round = self.round.get_or_insert_with(begin);
        let began = Instant::now();
        let taken = writer.keep_up(round);
        self.next = Instant::now() + (began.elapsed() * REST).clamp(PAUSE.0, PAUSE.1);
        let (is_done, is_too_large) = (round.is_done(), round.is_too_large());
        match taken {
            Ok(()) if !is_done => return,
            Ok(()) if is_too_large => tracing::warn!(
                "the database is larger than it may be, and nothing is left in it that may be dropped: allow it more"
            ),
            Ok(()) => {}
            // The batch that comes next meets the same, and tells it; this can wait.
            Err(error) => {
                tracing::debug!("{error}; keeping the database small waits");
                self.next = Instant::now() + AGAIN;
                return;
            }
        }
        self.round = None;
        self.next = Instant::now() + self.options.every;
    }
}

impl Retention {
    fn of_store(self, options: UpkeepOptions) -> alive_store::Retention {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        alive_store::Retention {
            settled_micros: micros(options.settled_after),
            known_trees: options.known_trees,
            max_age_micros: self.max_age.map(micros),
            max_bytes: self.max_bytes,
        }
    }
}
