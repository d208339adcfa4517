//! Places, lines and files that no row refers to any more go.
//!
//! There is no index from them to the rows that refer to them: it would be paid for at every insert. So all rows are
//! walked, a few thousand at a time, and what they refer to is marked; then what is not marked is deleted. What
//! batches refer to meanwhile is marked as they look it up.

use rusqlite::{Connection, Result, Row, params};

use crate::identity::Identities;

/// Rows that one step walks.
const WALKED: i64 = 8_192;

/// What can be referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Site,
    Line,
    File,
}

/// Numbers that are in use.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    sites: Bits,
    lines: Bits,
    files: Bits,
}

impl Marks {
    pub(crate) fn mark(&mut self, thing: Thing, id: i64) {
        self.of(thing).set(id);
    }

    const fn of(&mut self, thing: Thing) -> &mut Bits {
        match thing {
            Thing::Site => &mut self.sites,
            Thing::Line => &mut self.lines,
            Thing::File => &mut self.files,
        }
    }
}

/// A set of small numbers.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, id: i64) {
        let Ok(id) = usize::try_from(id) else { return };
        if self.0.len() <= id / 64 {
            self.0.resize(id / 64 + 1, 0);
        }
        self.0[id / 64] |= 1 << (id % 64);
    }

    fn has(&self, id: i64) -> bool {
        // A number that cannot be marked is in use.
        usize::try_from(id)
            .map_or(true, |id| self.0.get(id / 64).is_some_and(|word| word >> (id % 64) & 1 == 1))
    }
}

/// What is walked, in this order: rows that refer, then what they refer to. Each statement begins behind two numbers
/// and tells the two that it came to; the first ones tell the thing, the last ones delete it.
const WALKS: [(&str, Thing, bool); 8] = [
    ("SELECT id, 0, site FROM role WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::Site, false),
    ("SELECT id, 0, line FROM role WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::Line, false),
    (
        "SELECT stack, position, site FROM native_frame WHERE (stack, position) > (?1, ?2)
         ORDER BY stack, position LIMIT ?3",
        Thing::Site,
        false,
    ),
    (
        "SELECT stack, position, line FROM language_frame WHERE (stack, position) > (?1, ?2)
         ORDER BY stack, position LIMIT ?3",
        Thing::Line,
        false,
    ),
    ("SELECT id, 0, file FROM load WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::File, false),
    ("SELECT id, 0, id FROM site WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::Site, true),
    ("SELECT id, 0, id FROM line WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::Line, true),
    ("SELECT id, 0, id FROM file WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3", Thing::File, true),
];

/// How far the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Walk {
    walk: usize,
    at: (i64, i64),
}

/// Walks on; false when all is done. Nothing may be folded in between.
pub(crate) fn step(db: &Connection, ids: &mut Identities, walk: &mut Walk) -> Result<bool> {
    let Some(&(query, thing, deletes)) = WALKS.get(walk.walk) else {
        ids.marks = None;
        return Ok(false);
    };
    let marks = ids.marks.get_or_insert_default();
    let mut unused = Vec::new();
    let mut walked = 0;
    {
        let mut statement = db.prepare_cached(query)?;
        let mut rows = statement.query(params![walk.at.0, walk.at.1, WALKED])?;
        while let Some(row) = rows.next()? {
            walked += 1;
            let id = next(row, walk)?;
            if !deletes {
                marks.mark(thing, id);
            } else if !marks.of(thing).has(id) {
                unused.push(id);
            }
        }
    }
    for &id in &unused {
        let statement = match thing {
            Thing::Site => "DELETE FROM site WHERE id = ?1",
            Thing::Line => "DELETE FROM line WHERE id = ?1",
            Thing::File => "DELETE FROM file WHERE id = ?1",
        };
        db.prepare_cached(statement)?.execute([id])?;
    }
    if !unused.is_empty() {
        ids.forget();
    }
    if walked < WALKED {
        *walk = Walk { walk: walk.walk + 1, at: (0, 0) };
    }
    Ok(true)
}

fn next(row: &Row<'_>, walk: &mut Walk) -> Result<i64> {
    walk.at = (row.get(0)?, row.get(1)?);
    row.get(2)
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn a_set_has_what_was_set_and_what_cannot_be() {
        let mut bits = Bits::default();
        [0, 63, 64, 1_000].into_iter().for_each(|id| bits.set(id));
        assert!([0, 63, 64, 1_000, -1].into_iter().all(|id| bits.has(id)));
        assert!([1, 62, 65, 999, 1_001, 1 << 40].into_iter().all(|id| !bits.has(id)));
    }
}
