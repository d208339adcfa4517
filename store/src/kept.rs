//! Kept trees: of each program one, which has the sums of its trees that were folded. Its roles are those of
//! these trees, each once.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::integer::from_bits;
use crate::model::Site;
use crate::role::{self, Place};

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

/// A role of a tree that is folded.
#[derive(Debug)]
struct Folded {
    place: Place,
    site: Site,
}

/// The role of the kept tree that has the sums of a role, made when there is none. `seen_micros` is when its tree
/// spoke last.
pub(crate) fn role(db: &Connection, kept: i64, role: i64, seen_micros: i64) -> Result<i64> {
    let Some(Folded { place, site }) = folded(db, role)? else { return role::row(db, Place::root(kept)) };
    let parent = self::role(db, kept, place.parent, seen_micros)?;
    let line = if place.line == role::UNTOLD && is_beside_a_line(db, place, &site)? {
        role::OTHER
    } else {
        place.line
    };
    let known = db
        .prepare_cached(
            "SELECT role.id, build_id, symbol FROM role JOIN site ON site.id = role.site
             WHERE tree = ?1 AND parent = ?2 AND line = ?3 AND module = ?4 AND offset = ?5",
        )?
        .query_row(params![kept, parent, line, site.module, crate::integer::bits(site.offset)], |row| {
            let known = Site { build_id: row.get(1)?, symbol: row.get(2)?, ..Site::default() };
            Ok((row.get::<_, i64>(0)?, known))
        })
        .optional()?;
    let Some((id, known)) = known else {
        return db
            .prepare_cached(
                "INSERT INTO role (tree, parent, site, line, trees, rank, seen_micros)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
            )?
            .insert(params![kept, parent, place.site, line, role, seen_micros]);
    };
    if site.is_told_rather_than(&known) {
        db.prepare_cached("UPDATE role SET site = ?2 WHERE id = ?1")?.execute([id, place.site])?;
    }
    db.prepare_cached(
        "UPDATE role SET rank = min(rank, ?2), seen_micros = max(seen_micros, ?3)
         WHERE id = ?1 AND (rank > ?2 OR seen_micros < ?3)",
    )?
    .execute([id, role, seen_micros])?;
    Ok(id)
}

/// `None` for a root's role.
fn folded(db: &Connection, role: i64) -> Result<Option<Folded>> {
    db.prepare_cached(
        "SELECT tree, parent, site, line, module, build_id, offset, symbol
         FROM role JOIN site ON site.id = role.site WHERE role.id = ?1",
    )?
    .query_row([role], |row| {
        let place = Place { tree: row.get(0)?, parent: row.get(1)?, site: row.get(2)?, line: row.get(3)? };
        let site = Site {
            module: row.get(4)?,
            build_id: row.get(5)?,
            offset: from_bits(row.get(6)?),
            symbol: row.get(7)?,
        };
        Ok(Folded { place, site })
    })
    .optional()
}

/// Whether the tree has a role of the same place whose line was told.
fn is_beside_a_line(db: &Connection, place: Place, site: &Site) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM role JOIN site ON site.id = role.site
             WHERE tree = ?1 AND parent = ?2 AND line > 0 AND module = ?3 AND offset = ?4)",
    )?
    .query_row(params![place.tree, place.parent, site.module, crate::integer::bits(site.offset)], |row| {
        row.get(0)
    })
}
