//! Sample stacks, read for the sums that want them: a report adds up the rows of a thousand starts of a
//! program and shows three stacks of each sum.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, Result};

use crate::model::{LanguageFrame, MAX_STACKS, Site, Stack};

/// Reads stacks by the rows that they belong to.
pub(crate) struct Samples<'db> {
    of_load: CachedStatement<'db>,
    of_missing: CachedStatement<'db>,
    frames: Frames<'db>,
}

/// Reads the frames of a stack.
struct Frames<'db> {
    native: CachedStatement<'db>,
    language: CachedStatement<'db>,
    sites: &'db HashMap<i64, Site>,
    lines: &'db HashMap<i64, LanguageFrame>,
}

impl<'db> Samples<'db> {
    /// Reads from `db`, where places and lines have these numbers.
    pub(crate) fn new(
        db: &'db Connection,
        sites: &'db HashMap<i64, Site>,
        lines: &'db HashMap<i64, LanguageFrame>,
    ) -> Result<Self> {
        Ok(Self {
            of_load: db.prepare_cached("SELECT id FROM stack WHERE load = ?1 ORDER BY id")?,
            of_missing: db.prepare_cached("SELECT id FROM stack WHERE missing = ?1 ORDER BY id")?,
            frames: Frames {
                native: db
                    .prepare_cached("SELECT site FROM native_frame WHERE stack = ?1 ORDER BY position")?,
                language: db
                    .prepare_cached("SELECT line FROM language_frame WHERE stack = ?1 ORDER BY position")?,
                sites,
                lines,
            },
        })
    }

    /// The first distinct stacks of these rows of the table `load`.
    pub(crate) fn of_loads(&mut self, rows: &[i64]) -> Result<Vec<Stack>> {
        self.frames.of(&mut self.of_load, rows)
    }

    /// The first distinct stacks of these rows of the table `missing`.
    pub(crate) fn of_missing(&mut self, rows: &[i64]) -> Result<Vec<Stack>> {
        self.frames.of(&mut self.of_missing, rows)
    }
}

impl Frames<'_> {
    fn of(&mut self, query: &mut CachedStatement<'_>, rows: &[i64]) -> Result<Vec<Stack>> {
        let mut kept: Vec<Stack> = Vec::new();
        for row in rows {
            let mut stacks = query.query([row])?;
            while let Some(stack) = stacks.next()? {
                if kept.len() >= MAX_STACKS {
                    return Ok(kept);
                }
                let stack = self.stack(stack.get(0)?)?;
                if !kept.contains(&stack) {
                    kept.push(stack);
                }
            }
        }
        Ok(kept)
    }

    fn stack(&mut self, id: i64) -> Result<Stack> {
        let mut stack = Stack::default();
        let mut frames = self.native.query([id])?;
        while let Some(frame) = frames.next()? {
            stack.native.push(self.sites.get(&frame.get(0)?).cloned().unwrap_or_default());
        }
        let mut frames = self.language.query([id])?;
        while let Some(frame) = frames.next()? {
            stack.language.extend(self.lines.get(&frame.get(0)?).cloned());
        }
        Ok(stack)
    }
}
