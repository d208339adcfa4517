//! Which row a role has: by the role that forks it, the place in machine code and the line.
//!
//! The line may be told late, or not by every event. Within a tree a number stands for one fork site, so a
//! role without a line is known again by its number. Numbers come with the counts of forks, before whatever
//! else is told of a role.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::rebase;

/// The line of a role whose line was not told.
pub(crate) const UNTOLD: i64 = 0;

/// The line of a role of a kept tree whose line was not told, though that of another one at its place was: it is
/// something else than that one.
pub(crate) const OTHER: i64 = -1;

/// Parent and site of a root's role.
const NONE: i64 = 0;

/// Where in a tree a role hangs, by row numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tree: i64,
    pub(crate) parent: i64,
    pub(crate) site: i64,
    pub(crate) line: i64,
}

impl Place {
    /// The root's.
    pub(crate) const fn root(tree: i64) -> Self {
        Self { tree, parent: NONE, site: NONE, line: UNTOLD }
    }
}

/// The role at a place.
pub(crate) fn find(db: &Connection, place: Place) -> Result<Option<i64>> {
    let Place { tree, parent, site, line } = place;
    db.prepare_cached("SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site = ?3 AND line = ?4")?
        .query_row(params![tree, parent, site, line], |row| row.get(0))
        .optional()
}

/// The role at a place, made when it is new.
pub(crate) fn row(db: &Connection, place: Place) -> Result<i64> {
    let Place { tree, parent, site, line } = place;
    match find(db, place)? {
        Some(id) => Ok(id),
        None => db
            .prepare_cached("INSERT INTO role (tree, parent, site, line) VALUES (?1, ?2, ?3, ?4)")?
            .insert(params![tree, parent, site, line]),
    }
}

/// The role at a place. Where the line was not told and no role goes without one, the only one there.
pub(crate) fn find_or_only(db: &Connection, place: Place) -> Result<Option<i64>> {
    let Place { tree, parent, site, line } = place;
    let found = find(db, place)?;
    if found.is_some() || line != UNTOLD {
        return Ok(found);
    }
    db.prepare_cached(
        "SELECT iif(count(*) = 1, min(id), NULL) FROM role WHERE tree = ?1 AND parent = ?2 AND site = ?3",
    )?
    .query_row(params![tree, parent, site], |row| row.get(0))
}

/// The role of a number at a place whose line was not told; `None` when none is known by that number, or when
/// the line was told.
pub(crate) fn numbered(db: &Connection, place: Place, number: u16) -> Result<Option<i64>> {
    let Place { tree, parent, site, line } = place;
    if number == 0 || line != UNTOLD {
        return Ok(None);
    }
    db.prepare_cached(
        "SELECT role.id FROM role JOIN fork ON fork.role = role.id
         WHERE tree = ?1 AND parent = ?2 AND site = ?3 AND fork.number = ?4",
    )?
    .query_row(params![tree, parent, site, number], |row| row.get(0))
    .optional()
}

/// Gives the line of a place to the role that was known by this number without it; joins it with the role
/// that has the line already. True when roles moved. A role without a line that has several numbers stays as
/// it is: the line is that of one of them.
pub(crate) fn tell_line(db: &Connection, place: Place, number: u16) -> Result<bool> {
    let Place { tree, parent, site, line } = place;
    if number == 0 || line == UNTOLD {
        return Ok(false);
    }
    let unnamed: Option<i64> = db
        .prepare_cached(
            "SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site = ?3 AND line = 0
             AND (SELECT min(number) = ?4 AND max(number) = ?4 FROM fork WHERE fork.role = role.id)",
        )?
        .query_row(params![tree, parent, site, number], |row| row.get(0))
        .optional()?;
    if let Some(role) = unnamed {
        rebase::hang(db, role, place)?;
    }
    Ok(unnamed.is_some())
}
