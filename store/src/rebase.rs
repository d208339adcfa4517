//! Moves what a daemon's heir told before it was known to be the heir. Called inside one transaction.
//!
//! The heir's role becomes the root's: its loads and searches are start-up. Roles below it hang from the
//! root, and where the root has a role of the same fork site the two become one.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::identity::Identities;
use crate::memory;
use crate::model::{MAX_STACKS, Rebase};
use crate::role::Place;

/// Carries out a rebase, and remembers it for the next collector.
pub(crate) fn rebase(db: &Connection, ids: &mut Identities, row: &Rebase) -> Result<()> {
    let tree = ids.tree(db, row.tree)?;
    if let Some(number) = row.number {
        db.prepare_cached("INSERT OR IGNORE INTO rebased (tree, number) VALUES (?1, ?2)")?
            .execute(params![tree, number])?;
    }
    if row.chain.is_empty() {
        return Ok(());
    }
    let root = ids.role(db, row.tree, &[])?;
    let heir = ids.role(db, row.tree, &row.chain)?;
    move_sums(db, heir, root)?;
    memory::relabel(db, heir, root)?;
    db.prepare_cached("DELETE FROM fork WHERE role = ?1")?.execute([heir])?;
    let children = children(db, heir)?;
    // Before its children move: one of them may have the heir's own fork site, and takes its place.
    delete_role(db, heir)?;
    for (child, place) in children {
        hang(db, child, Place { parent: root, ..place })?;
    }
    ids.forget_roles(tree);
    Ok(())
}

/// Hangs a role of the same tree and site at a place; merges it with the one that is there.
pub(crate) fn hang(db: &Connection, role: i64, place: Place) -> Result<()> {
    let Place { tree, parent, site, line } = place;
    let there: Option<i64> = db
        .prepare_cached(
            "SELECT id FROM role WHERE tree = ?1 AND parent = ?2 AND site = ?3 AND line = ?4 AND id <> ?5",
        )?
        .query_row(params![tree, parent, site, line, role], |row| row.get(0))
        .optional()?;
    // The lower number stays: a parent's number must be lower than its children's.
    let kept = there.map_or(role, |there| there.min(role));
    if let Some(there) = there {
        let gone = there.max(role);
        move_sums(db, gone, kept)?;
        memory::relabel(db, gone, kept)?;
        db.prepare_cached(
            "INSERT INTO fork (role, number, forks, nanos, resident_kib)
             SELECT ?2, number, forks, nanos, resident_kib FROM fork WHERE role = ?1
             ON CONFLICT DO UPDATE SET
                 resident_kib = iif(excluded.nanos > nanos, excluded.resident_kib, resident_kib),
                 forks = max(forks, excluded.forks),
                 nanos = max(nanos, excluded.nanos)",
        )?
        .execute([gone, kept])?;
        db.prepare_cached("DELETE FROM fork WHERE role = ?1")?.execute([gone])?;
        let children = children(db, gone)?;
        delete_role(db, gone)?;
        for (child, place) in children {
            hang(db, child, Place { parent: kept, ..place })?;
        }
    }
    db.prepare_cached("UPDATE role SET parent = ?2, line = ?3 WHERE id = ?1")?
        .execute([kept, parent, line])?;
    Ok(())
}

/// The roles below a role, and where they hang.
fn children(db: &Connection, role: i64) -> Result<Vec<(i64, Place)>> {
    db.prepare_cached("SELECT id, tree, parent, site, line FROM role WHERE parent = ?1 ORDER BY id")?
        .query_map([role], |row| {
            let place =
                Place { tree: row.get(1)?, parent: row.get(2)?, site: row.get(3)?, line: row.get(4)? };
            Ok((row.get(0)?, place))
        })?
        .collect()
}

fn delete_role(db: &Connection, role: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM role WHERE id = ?1")?.execute([role])?;
    Ok(())
}

/// Makes the loads and searches of one role those of another.
fn move_sums(db: &Connection, from: i64, to: i64) -> Result<()> {
    db.prepare_cached("UPDATE OR IGNORE load SET role = ?2 WHERE role = ?1")?.execute([from, to])?;
    let same = "SELECT ours.id, theirs.id FROM load AS ours
                JOIN load AS theirs ON theirs.role = ?2 AND theirs.path = ours.path AND theirs.kind = ours.kind
                WHERE ours.role = ?1";
    for (gone, kept) in pairs(db, same, from, to)? {
        db.prepare_cached(
            "UPDATE load SET
                 name = iif(load.name = x'', gone.name, load.name),
                 outcome = iif(load.outcome = 'loaded', load.outcome, gone.outcome),
                 pulled_in_by = iif(load.pulled_in_by = x'', gone.pulled_in_by, load.pulled_in_by),
                 events = min(load.events, 9223372036854775807 - gone.events) + gone.events,
                 processes = min(load.processes, 9223372036854775807 - gone.processes) + gone.processes,
                 bytes = max(load.bytes, gone.bytes),
                 nanos = min(load.nanos, 9223372036854775807 - gone.nanos) + gone.nanos,
                 respawned = min(load.respawned, 9223372036854775807 - gone.respawned) + gone.respawned,
                 spans = min(load.spans, 9223372036854775807 - gone.spans) + gone.spans,
                 span_nanos = min(load.span_nanos, 9223372036854775807 - gone.span_nanos) + gone.span_nanos,
                 span_cpu_nanos = min(load.span_cpu_nanos, 9223372036854775807 - gone.span_cpu_nanos) + gone.span_cpu_nanos,
                 span_faults = min(load.span_faults, 9223372036854775807 - gone.span_faults) + gone.span_faults,
                 bound_nanos = iif(load.bound_nanos = 0 OR gone.bound_nanos BETWEEN 1 AND load.bound_nanos,
                     gone.bound_nanos, load.bound_nanos),
                 first_seen_micros = min(load.first_seen_micros, gone.first_seen_micros),
                 last_seen_micros = max(load.last_seen_micros, gone.last_seen_micros)
             FROM load AS gone WHERE gone.id = ?1 AND load.id = ?2",
        )?
        .execute([gone, kept])?;
        db.prepare_cached("UPDATE OR IGNORE stack SET load = ?2 WHERE load = ?1")?.execute([gone, kept])?;
        let beyond = "SELECT id FROM stack WHERE load = ?1
                      UNION ALL SELECT * FROM (SELECT id FROM stack WHERE load = ?2 ORDER BY id LIMIT -1 OFFSET ?3)";
        drop_stacks(db, beyond, gone, kept)?;
        db.prepare_cached("DELETE FROM load WHERE id = ?1")?.execute([gone])?;
    }
    db.prepare_cached("UPDATE OR IGNORE missing SET role = ?2 WHERE role = ?1")?.execute([from, to])?;
    let same = "SELECT ours.id, theirs.id FROM missing AS ours
                JOIN missing AS theirs ON theirs.role = ?2 AND theirs.name = ours.name
                WHERE ours.role = ?1";
    for (gone, kept) in pairs(db, same, from, to)? {
        db.prepare_cached(
            "UPDATE missing SET
                 searches = min(missing.searches, 9223372036854775807 - gone.searches) + gone.searches,
                 probes = min(missing.probes, 9223372036854775807 - gone.probes) + gone.probes,
                 processes = min(missing.processes, 9223372036854775807 - gone.processes) + gone.processes
             FROM missing AS gone WHERE gone.id = ?1 AND missing.id = ?2",
        )?
        .execute([gone, kept])?;
        db.prepare_cached("UPDATE OR IGNORE stack SET missing = ?2 WHERE missing = ?1")?
            .execute([gone, kept])?;
        let beyond = "SELECT id FROM stack WHERE missing = ?1
                      UNION ALL SELECT * FROM (SELECT id FROM stack WHERE missing = ?2 ORDER BY id LIMIT -1 OFFSET ?3)";
        drop_stacks(db, beyond, gone, kept)?;
        db.prepare_cached("DELETE FROM missing WHERE id = ?1")?.execute([gone])?;
    }
    Ok(())
}

fn pairs(db: &Connection, query: &str, from: i64, to: i64) -> Result<Vec<(i64, i64)>> {
    db.prepare_cached(query)?.query_map([from, to], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Deletes the sample stacks that both had, and those beyond what is kept of each owner.
fn drop_stacks(db: &Connection, query: &str, gone: i64, kept: i64) -> Result<()> {
    let stacks: Vec<i64> = db
        .prepare_cached(query)?
        .query_map(params![gone, kept, i64::try_from(MAX_STACKS).unwrap_or(i64::MAX)], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for stack in stacks {
        delete_stack(db, stack)?;
    }
    Ok(())
}

/// Deletes a sample stack with its frames.
pub(crate) fn delete_stack(db: &Connection, stack: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM native_frame WHERE stack = ?1")?.execute([stack])?;
    db.prepare_cached("DELETE FROM language_frame WHERE stack = ?1")?.execute([stack])?;
    db.prepare_cached("DELETE FROM stack WHERE id = ?1")?.execute([stack])?;
    Ok(())
}
