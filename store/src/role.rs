//! Which row a role has: by the role that forks it, the place in machine code and the line.
//!
//! A place is an offset of a module, whatever the module's build: a daemon whose library is replaced while it runs
//! goes on forking the same role. The row has the site that a report would show, as
//! [`is_told_rather_than`](Site::is_told_rather_than) says.
//!
//! The line may be told late, or not by every event. Within a tree a number stands for one fork site, so a
//! role without a line is known again by its number. Numbers come with the counts of forks, before whatever
//! else is told of a role.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::integer::from_bits;
use crate::model::Site;
use crate::rebase;

/// The line of a role whose line was not told.
pub(crate) const UNTOLD: i64 = 0;

/// The line of a role of a kept tree whose line was not told, though that of another one at its place was: it is
/// something else than that one.
pub(crate) const OTHER: i64 = -1;

/// Parent and site of a root's role.
const NONE: i64 = 0;

/// Sites of the same place as the site `?3`, one for each build of its module. None for [`NONE`].
macro_rules! same_place {
    () => {
        "(SELECT build.id FROM site AS ours JOIN site AS build
              ON build.module = ours.module AND build.offset = ours.offset WHERE ours.id = ?3)"
    };
}
pub(crate) use same_place;

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
    let known = db
        .prepare_cached("SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site = ?3 AND line = ?4")?
        .query_row(params![tree, parent, site, line], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(Some(id)),
        // A root has no build, and as many roles as there are trees hang where it does.
        None if site == NONE => Ok(None),
        None => found(db, find_build(db, place)?, site),
    }
}

/// The role at a place, which is no root's, under whatever build of the module.
pub(crate) fn find_build(db: &Connection, place: Place) -> Result<Option<i64>> {
    let Place { tree, parent, site, line } = place;
    db.prepare_cached(concat!(
        "SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site IN ",
        same_place!(),
        " AND line = ?4 ORDER BY id LIMIT 1"
    ))?
    .query_row(params![tree, parent, site, line], |row| row.get(0))
    .optional()
}

/// A role that was found under a site of its place, and may have to take that one.
fn found(db: &Connection, role: Option<i64>, site: i64) -> Result<Option<i64>> {
    if let Some(role) = role {
        prefer(db, role, site)?;
    }
    Ok(role)
}

/// Gives a role the site, another build of its own, if that is told rather.
pub(crate) fn prefer(db: &Connection, role: i64, site: i64) -> Result<()> {
    let told = |site: i64| {
        db.prepare_cached("SELECT module, build_id, offset, symbol FROM site WHERE id = ?1")?
            .query_row([site], |row| {
                Ok(Site {
                    module: row.get(0)?,
                    build_id: row.get(1)?,
                    offset: from_bits(row.get(2)?),
                    symbol: row.get(3)?,
                })
            })
            .optional()
    };
    let known: i64 =
        db.prepare_cached("SELECT site FROM role WHERE id = ?1")?.query_row([role], |row| row.get(0))?;
    if known == site {
        return Ok(());
    }
    if let (Some(other), Some(shown)) = (told(site)?, told(known)?)
        && other.is_told_rather_than(&shown)
    {
        db.prepare_cached("UPDATE role SET site = ?2 WHERE id = ?1")?.execute([role, site])?;
    }
    Ok(())
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
    let known = find(db, place)?;
    if known.is_some() || line != UNTOLD {
        return Ok(known);
    }
    let only = db
        .prepare_cached(concat!(
            "SELECT iif(count(*) = 1, min(id), NULL) FROM role
             WHERE tree = ?1 AND parent = ?2 AND site IN ",
            same_place!()
        ))?
        .query_row(params![tree, parent, site], |row| row.get(0))?;
    found(db, only, site)
}

/// The role of a number at a place whose line was not told; `None` when none is known by that number, or when
/// the line was told.
pub(crate) fn numbered(db: &Connection, place: Place, number: u16) -> Result<Option<i64>> {
    let Place { tree, parent, site, line } = place;
    if number == 0 || line != UNTOLD {
        return Ok(None);
    }
    let known = db
        .prepare_cached(concat!(
            "SELECT role.id FROM role JOIN fork ON fork.role = role.id
             WHERE tree = ?1 AND parent = ?2 AND site IN ",
            same_place!(),
            " AND fork.number = ?4"
        ))?
        .query_row(params![tree, parent, site, number], |row| row.get(0))
        .optional()?;
    found(db, known, site)
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
        .prepare_cached(concat!(
            "SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site IN ",
            same_place!(),
            " AND line = 0 AND (SELECT min(number) = ?4 AND max(number) = ?4 FROM fork WHERE fork.role = role.id)"
        ))?
        .query_row(params![tree, parent, site, number], |row| row.get(0))
        .optional()?;
    if let Some(role) = unnamed {
        rebase::hang(db, role, place)?;
    }
    Ok(unnamed.is_some())
}
