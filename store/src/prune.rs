//! Dropping: what was last seen before some time goes, a few rows at a time.
//!
//! Taps and times at which collectors listened are never dropped: they are evidence, and small.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::model::NUMBERED;
use crate::{fold, sums};

/// Rows that one step looks at, where looking is all there is to do.
const LOOKED_AT: u32 = 4_096;

/// How many loads tell which time an eighth of them was last seen before.
const SAMPLED: i64 = 512;

/// Times at which collectors listened that are kept, the last ones.
const EPOCHS: i64 = 4_096;

/// A walk over everything that bears a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Walk {
    stage: Stage,
    /// The last load that was looked at.
    load: i64,
    /// Whether anything was dropped.
    pub(crate) has_dropped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Loads,
    Missing,
    Executed,
    Memory,
    Trees,
    Kept,
    KeptRoles,
    Done,
}

/// Drops at most about `most` rows that were last seen before `cutoff`, microseconds since 1970; false when none are
/// left.
pub(crate) fn step(db: &Connection, walk: &mut Walk, cutoff: i64, most: u32) -> Result<bool> {
    let (dropped, is_over) = match walk.stage {
        Stage::Loads => loads(db, walk, cutoff, most)?,
        Stage::Missing => missing(db, cutoff, most)?,
        Stage::Executed => delete(
            db,
            "DELETE FROM executed WHERE (role, executable, program) IN (
                 SELECT role, executable, program FROM executed WHERE last_seen_micros < ?1 LIMIT ?2)",
            cutoff,
            most,
        )?,
        Stage::Memory => delete(
            db,
            "DELETE FROM memory WHERE (role, pid, start_ticks) IN (
                 SELECT role, pid, start_ticks FROM memory WHERE seen_micros < ?1 LIMIT ?2)",
            cutoff,
            most,
        )?,
        Stage::Trees => tree(db, cutoff, most)?,
        Stage::Kept => kept(db, cutoff, most)?,
        Stage::KeptRoles => kept_roles(db, cutoff, most)?,
        Stage::Done => return Ok(false),
    };
    if dropped > 0 {
        walk.has_dropped = true;
        tell(db, cutoff)?;
    }
    if is_over {
        walk.stage = walk.stage.next();
    }
    Ok(true)
}

impl Stage {
    const fn next(self) -> Self {
        match self {
            Self::Loads => Self::Missing,
            Self::Missing => Self::Executed,
            Self::Executed => Self::Memory,
            Self::Memory => Self::Trees,
            Self::Trees => Self::Kept,
            Self::Kept => Self::KeptRoles,
            Self::KeptRoles | Self::Done => Self::Done,
        }
    }
}

/// Writes down for the report what is no longer there.
fn tell(db: &Connection, cutoff: i64) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO counter (name, value) VALUES ('dropped_before', ?1)
         ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
    )?
    .execute([cutoff])?;
    Ok(())
}

fn loads(db: &Connection, walk: &mut Walk, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let mut old = Vec::new();
    let mut is_over = true;
    {
        let mut statement = db.prepare_cached(
            "SELECT id, last_seen_micros < ?2 FROM load WHERE id > ?1 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![walk.load, cutoff, LOOKED_AT])?;
        while let Some(row) = rows.next()? {
            if old.len() >= most as usize {
                break;
            }
            is_over = false;
            walk.load = row.get(0)?;
            if row.get(1)? {
                old.push(walk.load);
            }
        }
    }
    for &load in &old {
        sums::delete_load(db, load)?;
    }
    Ok((u32::try_from(old.len()).unwrap_or(u32::MAX), is_over))
}

fn missing(db: &Connection, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let old: Vec<i64> = db
        .prepare_cached("SELECT id FROM missing WHERE last_seen_micros < ?1 LIMIT ?2")?
        .query_map([cutoff, most.into()], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for &missing in &old {
        sums::delete_missing(db, missing)?;
    }
    Ok((u32::try_from(old.len()).unwrap_or(u32::MAX), old.is_empty()))
}

fn delete(db: &Connection, statement: &str, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let deleted = db.prepare_cached(statement)?.execute([cutoff, most.into()])?;
    Ok((u32::try_from(deleted).unwrap_or(u32::MAX), deleted == 0))
}

/// Takes the roles of a settled tree. Its numbers stay: it may speak again.
fn tree(db: &Connection, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let tree: Option<i64> = db
        .prepare_cached("SELECT id FROM tree WHERE state = 1 AND last_seen_micros < ?1 LIMIT 1")?
        .query_row([cutoff], |row| row.get(0))
        .optional()?;
    let Some(tree) = tree else { return Ok((0, true)) };
    let roles = fold::roles(db, tree, most)?;
    for &role in &roles {
        if sums::are_there(db, role)? {
            // Something came since it settled.
            fold::unsettle(db, tree)?;
            return Ok((0, false));
        }
        fold::delete_role(db, role)?;
    }
    let dropped = u32::try_from(roles.len()).unwrap_or(u32::MAX);
    if dropped < most {
        db.prepare_cached("DELETE FROM interpreter WHERE tree = ?1")?.execute([tree])?;
        db.prepare_cached("UPDATE tree SET state = 2 WHERE id = ?1")?.execute([tree])?;
    }
    Ok((dropped.max(1), false))
}

/// Takes a kept tree whose program was not seen since; its losses stay counted.
fn kept(db: &Connection, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let tree: Option<(i64, i64)> = db
        .prepare_cached(
            "SELECT id, gaps FROM tree WHERE state = 3 AND last_seen_micros < ?1 AND NOT EXISTS (
                 SELECT 1 FROM role WHERE role.tree = tree.id AND (EXISTS (SELECT 1 FROM load WHERE load.role = role.id)
                     OR EXISTS (SELECT 1 FROM missing WHERE missing.role = role.id))) LIMIT 1",
        )?
        .query_row([cutoff], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((tree, gaps)) = tree else { return Ok((0, true)) };
    let roles = fold::roles(db, tree, most)?;
    for &role in &roles {
        db.prepare_cached("DELETE FROM executed WHERE role = ?1")?.execute([role])?;
        db.prepare_cached("DELETE FROM memory WHERE role = ?1")?.execute([role])?;
        fold::delete_role(db, role)?;
    }
    let dropped = u32::try_from(roles.len()).unwrap_or(u32::MAX);
    if dropped < most {
        let (all, numbered): (i64, i64) = db
            .prepare_cached(
                "SELECT coalesce(sum(count), 0), coalesce(sum(iif(reason = ?2, count, 0)), 0)
                 FROM not_sent WHERE tree = ?1",
            )?
            .query_row(params![tree, NUMBERED], |row| Ok((row.get(0)?, row.get(1)?)))?;
        fold::count_lost(db, gaps.saturating_sub(numbered).max(0), all)?;
        fold::delete_tree(db, tree)?;
    }
    Ok((dropped.max(1), false))
}

/// Takes roles of kept trees that no tree had since and that have nothing left, innermost first.
fn kept_roles(db: &Connection, cutoff: i64, most: u32) -> Result<(u32, bool)> {
    let old: Vec<i64> = db
        .prepare_cached(
            "SELECT role.id FROM tree JOIN role ON role.tree = tree.id
             WHERE tree.state = 3 AND role.site <> 0 AND role.seen_micros < ?1
                 AND NOT EXISTS (SELECT 1 FROM role AS child WHERE child.parent = role.id)
                 AND NOT EXISTS (SELECT 1 FROM load WHERE load.role = role.id)
                 AND NOT EXISTS (SELECT 1 FROM missing WHERE missing.role = role.id)
                 AND NOT EXISTS (SELECT 1 FROM executed WHERE executed.role = role.id)
                 AND NOT EXISTS (SELECT 1 FROM memory WHERE memory.role = role.id)
             LIMIT ?2",
        )?
        .query_map([cutoff, most.into()], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for &role in &old {
        fold::delete_role(db, role)?;
    }
    Ok((u32::try_from(old.len()).unwrap_or(u32::MAX), old.is_empty()))
}

/// A time before which about an eighth of the loads was last seen, microseconds since 1970; `None` without loads.
pub(crate) fn oldest_eighth(db: &Connection) -> Result<Option<i64>> {
    let ends: (Option<i64>, Option<i64>) =
        db.query_row("SELECT min(id), max(id) FROM load", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = ends else { return Ok(None) };
    let mut seen = Vec::new();
    let mut at_or_after =
        db.prepare_cached("SELECT last_seen_micros FROM load WHERE id >= ?1 ORDER BY id LIMIT 1")?;
    for part in 0..SAMPLED {
        let id = first.saturating_add((last.saturating_sub(first) / SAMPLED).saturating_mul(part));
        seen.push(at_or_after.query_row([id], |row| row.get::<_, i64>(0))?);
    }
    seen.sort_unstable();
    Ok(seen.get(seen.len() / 8).map(|micros| micros.saturating_add(1)))
}

/// Keeps the last times at which collectors listened; of the others it is kept how many ended uncleanly.
pub(crate) fn epochs(db: &Connection) -> Result<()> {
    let old = "SELECT id FROM epoch ORDER BY id DESC LIMIT -1 OFFSET ?1";
    let unclean: i64 = db
        .prepare_cached(&format!("SELECT count(*) FROM epoch WHERE closed = 0 AND id IN ({old})"))?
        .query_row([EPOCHS], |row| row.get(0))?;
    db.prepare_cached(&format!("DELETE FROM epoch WHERE id IN ({old})"))?.execute([EPOCHS])?;
    if unclean > 0 {
        db.prepare_cached(
            "INSERT INTO counter (name, value) VALUES ('gone_unclean_ends', ?1)
             ON CONFLICT DO UPDATE SET value = value + excluded.value",
        )?
        .execute([unclean])?;
    }
    Ok(())
}
