//! What the sums of a report are shown with, read once they are known: the paths of their files, and their sample
//! stacks, which are few where the rows are a million.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, Result};

use crate::model::{LanguageFrame, Site, Stack};

/// Reads paths and stacks by their numbers.
pub(crate) struct Samples<'db> {
    path: CachedStatement<'db>,
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
            path: db.prepare_cached("SELECT path FROM file WHERE id = ?1")?,
            native: db.prepare_cached("SELECT site FROM native_frame WHERE stack = ?1 ORDER BY position")?,
            language: db
                .prepare_cached("SELECT line FROM language_frame WHERE stack = ?1 ORDER BY position")?,
            sites,
            lines,
        })
    }

    /// The path of a file.
    pub(crate) fn path(&mut self, file: i64) -> Result<Vec<u8>> {
        self.path.query_row([file], |row| row.get(0))
    }

    /// The stacks with these numbers.
    pub(crate) fn stacks(&mut self, ids: impl Iterator<Item = i64>) -> Result<Vec<Stack>> {
        let mut stacks: Vec<Stack> = ids.map(|id| self.stack(id)).collect::<Result<_>>()?;
        stacks.shrink_to_fit();
        Ok(stacks)
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
        // A list grows to room for four at once; most samples have one line, and there is one for each load.
        stack.native.shrink_to_fit();
        stack.language.shrink_to_fit();
        Ok(stack)
    }
}
