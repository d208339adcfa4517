//! What keeps a database small that is written for years: folding, dropping, sweeping, vacuuming, in steps of some
//! milliseconds, each a transaction of its own. Between two of them batches are written.

use rusqlite::{Connection, Result};

use crate::identity::Identities;
use crate::{fold, prune, sweep, vacuum};

/// Rows that a step may move or drop, unless it is told otherwise.
const STEP: u32 = 512;

/// Takes small parts of a step of so many rows until they make up a whole one; false when there was nothing.
fn as_many(rows: u32, mut part: impl FnMut(u32) -> Result<Option<u32>>) -> Result<bool> {
    let mut left = rows;
    while left > 0 {
        match part(left)? {
            Some(rows) => left = left.saturating_sub(rows),
            None => break,
        }
    }
    Ok(left < rows)
}

/// What is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// A tree that has been silent for so long is folded, in microseconds. Folding it too early does no harm and
    /// costs a second time.
    pub settled_micros: u64,
    /// Trees that are known by name; [`MAX_TREES`](crate::model::MAX_TREES) is what a collector remembers.
    pub known_trees: u32,
    /// What was last seen so long ago is dropped, in microseconds; `None`: nothing for its age.
    pub max_age_micros: Option<u64>,
    /// Size of what the database holds above which the oldest goes, in bytes; `None`: nothing for its size.
    pub max_bytes: Option<u64>,
}

/// One round of upkeep, from its first step to its last.
#[derive(Debug)]
pub struct Upkeep {
    retention: Retention,
    now_micros: u64,
    /// Rows that a step may move or drop.
    rows: u32,
    stage: Stage,
    /// Whether rows went since places, lines and files were last swept.
    has_dropped: bool,
    is_too_large: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fold,
    Forget,
    Drop { cutoff: i64, walk: prune::Walk, is_for_room: bool },
    Sweep(sweep::Walk),
    Fit,
    Vacuum,
    Done,
}

impl Upkeep {
    /// A round that begins now, microseconds since 1970.
    #[must_use]
    pub const fn new(retention: Retention, now_micros: u64) -> Self {
        Self {
            retention,
            now_micros,
            rows: STEP,
            stage: Stage::Fold,
            has_dropped: false,
            is_too_large: false,
        }
    }

    /// The same in steps of about so many rows, at least one.
    #[must_use]
    pub const fn in_steps_of(mut self, rows: u32) -> Self {
        self.rows = if rows == 0 { 1 } else { rows };
        self
    }

    /// Whether all is done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Whether the database stays larger than it may be: nothing is left in it that may be dropped.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    fn ago(&self, micros: u64) -> i64 {
        i64::try_from(self.now_micros.saturating_sub(micros)).unwrap_or(i64::MAX)
    }

    /// One step, in a transaction.
    pub(crate) fn step(&mut self, db: &Connection, ids: &mut Identities) -> Result<()> {
        self.stage = match self.stage {
            Stage::Fold => {
                let cutoff = self.ago(self.retention.settled_micros);
                let goes_on = as_many(self.rows, |most| fold::settle(db, cutoff, most))?;
                self.has_dropped |= goes_on;
                if goes_on { Stage::Fold } else { Stage::Forget }
            }
            Stage::Forget => {
                // Counted once for all that this step forgets.
                let mut beyond = fold::beyond(db, self.retention.known_trees)?;
                if as_many(self.rows, |most| fold::forget(db, &mut beyond, most))? {
                    ids.forget();
                    Stage::Forget
                } else {
                    prune::epochs(db)?;
                    match self.retention.max_age_micros {
                        Some(age) => Stage::Drop {
                            cutoff: self.ago(age),
                            walk: prune::Walk::default(),
                            is_for_room: false,
                        },
                        None => Stage::Fit,
                    }
                }
            }
            Stage::Drop { cutoff, mut walk, is_for_room } => {
                let goes_on = prune::step(db, &mut walk, cutoff, self.rows)?;
                if goes_on {
                    if walk.has_dropped {
                        // Roles that went have no number any more.
                        ids.forget();
                    }
                    Stage::Drop { cutoff, walk, is_for_room }
                } else {
                    self.is_too_large |= is_for_room && !walk.has_dropped;
                    // Only then is it known how much room that made.
                    if walk.has_dropped { Stage::Sweep(sweep::Walk::default()) } else { Stage::Fit }
                }
            }
            Stage::Fit => match self.room_for(db)? {
                Some(cutoff) => Stage::Drop { cutoff, walk: prune::Walk::default(), is_for_room: true },
                None if self.has_dropped => Stage::Sweep(sweep::Walk::default()),
                None => Stage::Vacuum,
            },
            Stage::Sweep(mut walk) => {
                if sweep::step(db, ids, &mut walk)? {
                    Stage::Sweep(walk)
                } else {
                    self.has_dropped = false;
                    Stage::Fit
                }
            }
            Stage::Vacuum if vacuum::step(db)? => Stage::Vacuum,
            Stage::Vacuum | Stage::Done => Stage::Done,
        };
        Ok(())
    }

    /// Before when what was seen has to go to make room; `None` when there is room, or nothing more to drop.
    fn room_for(&mut self, db: &Connection) -> Result<Option<i64>> {
        let Some(most) = self.retention.max_bytes else { return Ok(None) };
        if self.is_too_large || vacuum::used_bytes(db)? <= most {
            return Ok(None);
        }
        let cutoff = prune::oldest_eighth(db)?;
        self.is_too_large = cutoff.is_none();
        Ok(cutoff)
    }
}
