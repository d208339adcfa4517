//! Folding: the trees of a program that have fallen silent become one, so that a program that is started every
//! minute takes no more room after a year than after a day.
//!
//! A report adds up all trees of a program. Here the same is done in the tables, by the same rules, in two stages:
//!
//! - [`settle`]: a tree was silent for a while. What it told as sums goes to the kept tree of its program. Its row, its
//!   roles and what they count absolutely (forks, gaps, what was not sent) stay: should it speak again, everything
//!   goes on from there, and nothing is counted twice.
//! - [`forget`]: more trees are known by name than a collector remembers. The first ones to have fallen silent go to
//!   the kept tree with all they have.
//!
//! Each step moves a few hundred rows and leaves the report as it was.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::model::NUMBERED;
use crate::read::label;
use crate::{bystanders, kept, sums};

/// A tree that is folded.
#[derive(Debug)]
struct Silent {
    id: i64,
    label: Vec<u8>,
    state: i64,
    gaps: i64,
    first_micros: i64,
    last_micros: i64,
}

const SILENT: &str =
    "SELECT id, pid, program, executable, state, gaps, first_seen_micros, last_seen_micros FROM tree";

/// Of the trees that settled, dropped or not. Each looked up by itself: together they would have to be sorted.
const SETTLED_FIRST: &str = "id IN (
        (SELECT id FROM tree WHERE state = 1 AND last_seen_micros < ?1 ORDER BY last_seen_micros LIMIT 1),
        (SELECT id FROM tree WHERE state = 2 AND last_seen_micros < ?1 ORDER BY last_seen_micros LIMIT 1))";

fn silent(db: &Connection, which: &str, cutoff: i64) -> Result<Option<Silent>> {
    db.prepare_cached(&format!("{SILENT} WHERE {which} ORDER BY last_seen_micros LIMIT 1"))?
        .query_row([cutoff], |row| {
            Ok(Silent {
                id: row.get(0)?,
                label: label(row.get(1)?, row.get(2)?, row.get(3)?),
                state: row.get(4)?,
                gaps: row.get(5)?,
                first_micros: row.get(6)?,
                last_micros: row.get(7)?,
            })
        })
        .optional()
}

/// Rows that it costs to look at a tree, whatever it has.
const TREE: u32 = 8;

/// Moves at most about `most` rows of the tree that has been silent longest, if that is since before
/// `silent_since_micros`; about how many that were. `None` when there is no such tree.
pub(crate) fn settle(db: &Connection, silent_since_micros: i64, most: u32) -> Result<Option<u32>> {
    let Some(tree) = silent(db, "state = 0 AND last_seen_micros < ?1", silent_since_micros)? else {
        return Ok(None);
    };
    let kept = kept::tree(db, &tree.label)?;
    let mut left = most;
    for role in roles(db, tree.id, u32::MAX)? {
        if !sums::are_there(db, role)? {
            continue;
        }
        let to = kept::role(db, kept, role, tree.last_micros)?;
        left = left.saturating_sub(sums::hand_over(db, role, to, left)?);
        if left == 0 {
            // The rest at the next step.
            return Ok(Some(most));
        }
    }
    db.prepare_cached(
        "INSERT INTO line_count SELECT ?2, language, no_lines, loads FROM line_count WHERE tree = ?1
         ON CONFLICT DO UPDATE SET loads = min(loads, 9223372036854775807 - excluded.loads) + excluded.loads",
    )?
    .execute([tree.id, kept])?;
    db.prepare_cached("DELETE FROM line_count WHERE tree = ?1")?.execute([tree.id])?;
    kept::spoke(db, kept, tree.first_micros, tree.last_micros)?;
    db.prepare_cached("UPDATE tree SET state = 1 WHERE id = ?1")?.execute([tree.id])?;
    Ok(Some(most - left + TREE))
}

/// How many trees have a row beyond `known` ones.
pub(crate) fn beyond(db: &Connection, known: u32) -> Result<u32> {
    let trees: i64 =
        db.prepare_cached("SELECT count(*) FROM tree WHERE state < 3")?.query_row([], |row| row.get(0))?;
    Ok(u32::try_from(trees.saturating_sub(known.into())).unwrap_or(0))
}

/// Forgets who the tree was that settled first, if there are any `beyond` those to be known, and counts it off; at most
/// `most` of its roles at once, or about how many there were. `None` when there are no more.
pub(crate) fn forget(db: &Connection, beyond: &mut u32, most: u32) -> Result<Option<u32>> {
    if *beyond == 0 {
        return Ok(None);
    }
    let Some(tree) = silent(db, SETTLED_FIRST, i64::MAX)? else { return Ok(None) };
    let dropped = tree.state == 2;
    let kept = if dropped { None } else { Some(kept::tree(db, &tree.label)?) };
    // Children before their parents.
    let roles = roles(db, tree.id, most)?;
    let count = u32::try_from(roles.len()).unwrap_or(u32::MAX);
    let all = count < most;
    for &role in &roles {
        if sums::are_there(db, role)? {
            // Something came since it settled.
            unsettle(db, tree.id)?;
            return Ok(Some(TREE));
        }
    }
    // Where a role goes may depend on one beside it.
    if let Some(kept) = kept {
        for &role in &roles {
            fold_forks(db, kept, role, tree.last_micros)?;
        }
        if !all {
            // The rest goes later, and by then nothing is beside it.
            for &role in &roles {
                kept::tell_apart(db, role)?;
            }
        }
    }
    for role in roles {
        delete_role(db, role)?;
    }
    if all {
        fold_numbers(db, kept, &tree)?;
        delete_tree(db, tree.id)?;
        *beyond -= 1;
    }
    Ok(Some(count.saturating_add(TREE)))
}

/// A tree has sums again.
pub(crate) fn unsettle(db: &Connection, tree: i64) -> Result<()> {
    db.prepare_cached("UPDATE tree SET state = 0 WHERE id = ?1")?.execute([tree])?;
    Ok(())
}

/// The roles of a tree, children before their parents.
pub(crate) fn roles(db: &Connection, tree: i64, most: u32) -> Result<Vec<i64>> {
    db.prepare_cached("SELECT id FROM role WHERE tree = ?1 ORDER BY id DESC LIMIT ?2")?
        .query_map([tree, most.into()], |row| row.get(0))?
        .collect()
}

/// Adds the forks into a role, and that its tree had it.
fn fold_forks(db: &Connection, kept: i64, role: i64, last_micros: i64) -> Result<()> {
    let to = kept::role(db, kept, role, last_micros)?;
    db.prepare_cached("UPDATE role SET trees = trees + 1 WHERE id = ?1")?.execute([to])?;
    let columns = bystanders::COLUMNS;
    let rows = db
        .prepare_cached(&format!(
            "SELECT forks, nanos, resident_kib, {columns} FROM fork WHERE role = ?1 ORDER BY number"
        ))?
        .query_map([role], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
                bystanders::read(row, 3)?,
            ))
        })?
        .collect::<Result<Vec<_>>>()?;
    for (forks, nanos, resident_kib, seen) in rows {
        db.prepare_cached(
            "INSERT INTO fork (role, number, forks, nanos, resident_kib, resident_micros)
             VALUES (?1, 0, ?2, ?3, ?4, iif(?4 > 0, ?5, 0))
             ON CONFLICT DO UPDATE SET
                 forks = min(forks, 9223372036854775807 - excluded.forks) + excluded.forks,
                 nanos = min(nanos, 9223372036854775807 - excluded.nanos) + excluded.nanos,
                 resident_kib = iif(excluded.resident_micros >= resident_micros, excluded.resident_kib, resident_kib),
                 resident_micros = max(resident_micros, excluded.resident_micros)",
        )?
        .execute(params![to, forks, nanos, resident_kib, last_micros])?;
        if let Some(seen) = seen {
            bystanders::fold(db, to, &seen, last_micros)?;
        }
    }
    Ok(())
}

/// Adds what the tree itself counts. Of a tree that was dropped only its losses are left.
fn fold_numbers(db: &Connection, kept: Option<i64>, tree: &Silent) -> Result<()> {
    let not_sent: Vec<(String, i64)> = db
        .prepare_cached("SELECT reason, count FROM not_sent WHERE tree = ?1")?
        .query_map([tree.id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    let numbered = not_sent.iter().find(|(reason, _)| reason == NUMBERED).map_or(0, |(_, count)| *count);
    let Some(kept) = kept else {
        let all = not_sent.iter().fold(0i64, |sum, (_, count)| sum.saturating_add(*count));
        return count_lost(db, tree.gaps.saturating_sub(numbered).max(0), all);
    };
    // A tree never lost fewer numbers than it knows of: what is left when these are taken off adds up.
    db.prepare_cached(
        "UPDATE tree SET trees = trees + 1, gaps = min(gaps, 9223372036854775807 - ?2) + ?2 WHERE id = ?1",
    )?
    .execute([kept, tree.gaps.max(numbered)])?;
    for (reason, count) in not_sent {
        db.prepare_cached(
            "INSERT INTO not_sent (tree, reason, count) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET count = min(count, 9223372036854775807 - excluded.count) + excluded.count",
        )?
        .execute(params![kept, reason, count])?;
    }
    db.prepare_cached(
        "INSERT OR IGNORE INTO interpreter
         SELECT ?2, language, version, no_lines FROM interpreter WHERE tree = ?1",
    )?
    .execute([tree.id, kept])?;
    kept::spoke(db, kept, tree.first_micros, tree.last_micros)
}

/// Counts what trees lost that have no row any more.
pub(crate) fn count_lost(db: &Connection, gaps: i64, not_sent: i64) -> Result<()> {
    for (name, value) in [("gone_gaps", gaps), ("gone_not_sent", not_sent)] {
        db.prepare_cached(
            "INSERT INTO counter (name, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = min(value, 9223372036854775807 - excluded.value) + excluded.value",
        )?
        .execute(params![name, value])?;
    }
    Ok(())
}

/// Deletes a role that has no sums.
pub(crate) fn delete_role(db: &Connection, role: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM fork WHERE role = ?1")?.execute([role])?;
    db.prepare_cached("DELETE FROM role WHERE id = ?1")?.execute([role])?;
    Ok(())
}

/// Deletes a tree that has no roles.
pub(crate) fn delete_tree(db: &Connection, tree: i64) -> Result<()> {
    for statement in [
        "DELETE FROM not_sent WHERE tree = ?1",
        "DELETE FROM interpreter WHERE tree = ?1",
        "DELETE FROM line_count WHERE tree = ?1",
        "DELETE FROM rebased WHERE tree = ?1",
        "DELETE FROM tree WHERE id = ?1",
    ] {
        db.prepare_cached(statement)?.execute([tree])?;
    }
    Ok(())
}
