//! The sums of a role: its loads, searches, executed programs and looks at memory. They become another role's when
//! a daemon turns out to be another process than it seemed, and when a tree is folded.
//!
//! What is added here is what [`merge`](crate::merge) adds for a report, by the same rules.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::model::MAX_STACKS;
use crate::{executed, memory};

static ADD_LOAD: LazyLock<String> = LazyLock::new(|| {
    format!("UPDATE load SET {} FROM load AS gone WHERE gone.id = ?1 AND load.id = ?2", added_load("gone"))
});

static ADD_MISSING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE missing SET {} FROM missing AS gone WHERE gone.id = ?1 AND missing.id = ?2",
        added_missing("gone")
    )
});

/// What becomes of a row of `load` to which the row `more` is added. Of words the first one in the order of bytes
/// stands, so that no order of adding makes a difference.
pub(crate) fn added_load(more: &str) -> String {
    let word = |name: &str, none: &str| {
        format!(
            "{name} = CASE {none} WHEN {more}.{name} THEN load.{name} WHEN load.{name} THEN {more}.{name}
                 ELSE min(load.{name}, {more}.{name}) END"
        )
    };
    let outcome = format!(
        "outcome = CASE WHEN 'loaded' IN (load.outcome, {more}.outcome) THEN 'loaded'
             WHEN {more}.outcome = '' THEN load.outcome WHEN load.outcome = '' THEN {more}.outcome
             ELSE min(load.outcome, {more}.outcome) END"
    );
    let rest = format!(
        "bytes = max(load.bytes, {more}.bytes),
         bound_nanos = iif(load.bound_nanos = 0 OR {more}.bound_nanos BETWEEN 1 AND load.bound_nanos,
             {more}.bound_nanos, load.bound_nanos),
         first_seen_micros = min(load.first_seen_micros, {more}.first_seen_micros),
         last_seen_micros = max(load.last_seen_micros, {more}.last_seen_micros)"
    );
    let counts =
        ["events", "processes", "nanos", "respawned", "spans", "span_nanos", "span_cpu_nanos", "span_faults"];
    [
        word("name", "x''"),
        word("pulled_in_by", "x''"),
        word("language", "''"),
        word("via", "''"),
        outcome,
        rest,
    ]
    .into_iter()
    .chain(counts.map(|name| added("load", name, more)))
    .collect::<Vec<_>>()
    .join(", ")
}

/// The same of a row of `missing`.
pub(crate) fn added_missing(more: &str) -> String {
    let counts = ["searches", "probes", "processes"].map(|name| added("missing", name, more)).join(", ");
    format!(
        "language = CASE '' WHEN {more}.language THEN missing.language WHEN missing.language THEN {more}.language
             ELSE min(missing.language, {more}.language) END,
         last_seen_micros = max(missing.last_seen_micros, {more}.last_seen_micros), {counts}"
    )
}

/// A count, which stops at the largest number.
fn added(table: &str, name: &str, more: &str) -> String {
    format!("{name} = min({table}.{name}, 9223372036854775807 - {more}.{name}) + {more}.{name}")
}

/// Makes the sums of one role those of another, at most about `most` rows of them; how many there were. Fewer than
/// `most`: nothing is left.
pub(crate) fn hand_over(db: &Connection, from: i64, to: i64, most: u32) -> Result<u32> {
    let mut moved = loads(db, from, to, most)?;
    moved += missing(db, from, to, most.saturating_sub(moved))?;
    moved += executed::move_runs(db, from, to, most.saturating_sub(moved))?;
    if moved < most {
        moved += memory::relabel(db, from, to)?;
    }
    Ok(moved)
}

/// Whether a role has any.
pub(crate) fn are_there(db: &Connection, role: i64) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM load WHERE role = ?1) OR EXISTS (SELECT 1 FROM missing WHERE role = ?1)
             OR EXISTS (SELECT 1 FROM executed WHERE role = ?1) OR EXISTS (SELECT 1 FROM memory WHERE role = ?1)",
    )?
    .query_row([role], |row| row.get(0))
}

fn loads(db: &Connection, from: i64, to: i64, most: u32) -> Result<u32> {
    let rows: Vec<(i64, Option<i64>)> = db
        .prepare_cached(
            "SELECT ours.id, theirs.id FROM load AS ours
             LEFT JOIN load AS theirs ON theirs.role = ?2 AND theirs.file = ours.file AND theirs.kind = ours.kind
             WHERE ours.role = ?1 LIMIT ?3",
        )?
        .query_map([from, to, most.into()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (ours, theirs) in &rows {
        match theirs {
            Some(kept) => {
                db.prepare_cached(&ADD_LOAD)?.execute([ours, kept])?;
                move_stacks(db, Owner::Load, *ours, *kept)?;
                db.prepare_cached("DELETE FROM load WHERE id = ?1")?.execute([ours])?;
            }
            None => {
                db.prepare_cached("UPDATE load SET role = ?2 WHERE id = ?1")?.execute([*ours, to])?;
            }
        }
    }
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}

fn missing(db: &Connection, from: i64, to: i64, most: u32) -> Result<u32> {
    let rows: Vec<(i64, Option<i64>)> = db
        .prepare_cached(
            "SELECT ours.id, theirs.id FROM missing AS ours
             LEFT JOIN missing AS theirs ON theirs.role = ?2 AND theirs.name = ours.name
             WHERE ours.role = ?1 LIMIT ?3",
        )?
        .query_map([from, to, most.into()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (ours, theirs) in &rows {
        match theirs {
            Some(kept) => {
                db.prepare_cached(&ADD_MISSING)?.execute([ours, kept])?;
                move_stacks(db, Owner::Missing, *ours, *kept)?;
                db.prepare_cached("DELETE FROM missing WHERE id = ?1")?.execute([ours])?;
            }
            None => {
                db.prepare_cached("UPDATE missing SET role = ?2 WHERE id = ?1")?.execute([*ours, to])?;
            }
        }
    }
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}

/// What has sample stacks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Load,
    Missing,
}

impl Owner {
    const fn choose(self, load: &'static str, missing: &'static str) -> &'static str {
        match self {
            Self::Load => load,
            Self::Missing => missing,
        }
    }
}

/// Gives the stacks of one row to another, which keeps the oldest distinct ones of both.
fn move_stacks(db: &Connection, owner: Owner, gone: i64, kept: i64) -> Result<()> {
    let all = owner.choose(
        "SELECT id, digest FROM stack WHERE load = ?1",
        "SELECT id, digest FROM stack WHERE missing = ?1",
    );
    let same = owner.choose(
        "SELECT id FROM stack WHERE load = ?1 AND digest = ?2",
        "SELECT id FROM stack WHERE missing = ?1 AND digest = ?2",
    );
    let take = owner
        .choose("UPDATE stack SET load = ?2 WHERE id = ?1", "UPDATE stack SET missing = ?2 WHERE id = ?1");
    let beyond = owner.choose(
        "SELECT id FROM stack WHERE load = ?1 ORDER BY id LIMIT -1 OFFSET ?2",
        "SELECT id FROM stack WHERE missing = ?1 ORDER BY id LIMIT -1 OFFSET ?2",
    );
    let ours: Vec<(i64, i64)> = db
        .prepare_cached(all)?
        .query_map([gone], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for &(id, digest) in &ours {
        let theirs: Option<i64> =
            db.prepare_cached(same)?.query_row([kept, digest], |row| row.get(0)).optional()?;
        if let Some(theirs) = theirs {
            delete_stack(db, id.max(theirs))?;
        }
        if theirs.is_none_or(|theirs| id < theirs) {
            db.prepare_cached(take)?.execute([id, kept])?;
        }
    }
    if ours.is_empty() {
        return Ok(());
    }
    let beyond: Vec<i64> = db
        .prepare_cached(beyond)?
        .query_map(params![kept, i64::try_from(MAX_STACKS).unwrap_or(i64::MAX)], |row| row.get(0))?
        .collect::<Result<_>>()?;
    beyond.into_iter().try_for_each(|stack| delete_stack(db, stack))
}

/// Deletes a load with its stacks.
pub(crate) fn delete_load(db: &Connection, load: i64) -> Result<()> {
    delete_stacks(db, Owner::Load, load)?;
    db.prepare_cached("DELETE FROM load WHERE id = ?1")?.execute([load])?;
    Ok(())
}

/// Deletes a missing name with its stacks.
pub(crate) fn delete_missing(db: &Connection, missing: i64) -> Result<()> {
    delete_stacks(db, Owner::Missing, missing)?;
    db.prepare_cached("DELETE FROM missing WHERE id = ?1")?.execute([missing])?;
    Ok(())
}

fn delete_stacks(db: &Connection, owner: Owner, row: i64) -> Result<()> {
    let all = owner.choose("SELECT id FROM stack WHERE load = ?1", "SELECT id FROM stack WHERE missing = ?1");
    let stacks: Vec<i64> =
        db.prepare_cached(all)?.query_map([row], |row| row.get(0))?.collect::<Result<_>>()?;
    stacks.into_iter().try_for_each(|stack| delete_stack(db, stack))
}

/// Deletes a sample stack with its frames.
fn delete_stack(db: &Connection, stack: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM native_frame WHERE stack = ?1")?.execute([stack])?;
    db.prepare_cached("DELETE FROM language_frame WHERE stack = ?1")?.execute([stack])?;
    db.prepare_cached("DELETE FROM stack WHERE id = ?1")?.execute([stack])?;
    Ok(())
}
