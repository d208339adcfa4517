//! Kept trees: of each program one, which has the sums of its trees that were folded. Its roles are those of
//! these trees, each once.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::role::{self, Place, same_place};

/// The kept tree of a program, made when there is none.
pub(crate) fn tree(db: &Connection, label: &[u8]) -> Result<i64> {
    let known: Option<i64> = db
        .prepare_cached("SELECT id FROM tree WHERE state = 3 AND program = ?1")?
        .query_row([label], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(id),
        // No sender can name it: pids are not negative.
        None => db
            .prepare_cached(
                "INSERT INTO tree (pid, start_micros, program, trees, state)
                 SELECT -1, coalesce(max(start_micros), 0) + 1, ?1, 0, 3 FROM tree WHERE pid = -1",
            )?
            .insert([label]),
    }
}

/// The times of a kept tree, to which those of another one are added.
pub(crate) fn spoke(db: &Connection, kept: i64, first_micros: i64, last_micros: i64) -> Result<()> {
    db.prepare_cached(
        "UPDATE tree SET
             first_seen_micros = iif(first_seen_micros = 0, ?2, min(first_seen_micros, ?2)),
             last_seen_micros = max(last_seen_micros, ?3)
         WHERE id = ?1",
    )?
    .execute([kept, first_micros, last_micros])?;
    Ok(())
}

/// The role of the kept tree that has the sums of a role, made when there is none. `seen_micros` is when its tree
/// spoke last.
pub(crate) fn role(db: &Connection, kept: i64, role: i64, seen_micros: i64) -> Result<i64> {
    let Some(place) = folded(db, role)? else { return role::row(db, Place::root(kept)) };
    let parent = self::role(db, kept, place.parent, seen_micros)?;
    let line =
        if place.line == role::UNTOLD && is_beside_a_line(db, place)? { role::OTHER } else { place.line };
    let Some(id) = role::find(db, Place { tree: kept, parent, line, ..place })? else {
        return db
            .prepare_cached(
                "INSERT INTO role (tree, parent, site, line, trees, rank, seen_micros)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
            )?
            .insert(params![kept, parent, place.site, line, role, seen_micros]);
    };
    db.prepare_cached(
        "UPDATE role SET rank = min(rank, ?2), seen_micros = max(seen_micros, ?3)
         WHERE id = ?1 AND (rank > ?2 OR seen_micros < ?3)",
    )?
    .execute([id, role, seen_micros])?;
    Ok(id)
}

/// A role whose line was told is about to go. What its tree has at the same place without a line stays something else
/// than that role.
pub(crate) fn tell_apart(db: &Connection, role: i64) -> Result<()> {
    let Some(Place { tree, parent, site, line }) = folded(db, role)? else { return Ok(()) };
    if line > role::UNTOLD {
        db.prepare_cached(concat!(
            "UPDATE role SET line = ?4 WHERE tree = ?1 AND parent = ?2 AND site IN ",
            same_place!(),
            " AND line = ?5"
        ))?
        .execute([tree, parent, site, role::OTHER, role::UNTOLD])?;
    }
    Ok(())
}

/// Where a role hangs; `None` for a root's.
fn folded(db: &Connection, role: i64) -> Result<Option<Place>> {
    db.prepare_cached("SELECT tree, parent, site, line FROM role WHERE id = ?1 AND site <> 0")?
        .query_row([role], |row| {
            Ok(Place { tree: row.get(0)?, parent: row.get(1)?, site: row.get(2)?, line: row.get(3)? })
        })
        .optional()
}

/// Whether the tree has a role of the same place whose line was told.
fn is_beside_a_line(db: &Connection, place: Place) -> Result<bool> {
    let Place { tree, parent, site, .. } = place;
    db.prepare_cached(concat!(
        "SELECT EXISTS (SELECT 1 FROM role WHERE tree = ?1 AND parent = ?2 AND site IN ",
        same_place!(),
        " AND line > 0)"
    ))?
    .query_row(params![tree, parent, site], |row| row.get(0))
}
