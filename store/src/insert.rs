//! Adds the rows of a batch to the tables. Called inside one transaction.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::identity::Identities;
use crate::integer::{bits, count};
use crate::model::{
    Batch, LineCount, LoadRow, Loss, MAX_STACKS, MissingRow, RoleCount, Stack, TreeKey, TreeRow,
};
use crate::{bystanders, executed, memory, ping, rebase, sums};

static ADD_LOAD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO load (role, file, kind, name, language, outcome, via, pulled_in_by, events, processes,
                 bytes, nanos, respawned, spans, span_nanos, span_cpu_nanos, span_faults, bound_nanos,
                 first_seen_micros, last_seen_micros)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
             ON CONFLICT DO UPDATE SET {} RETURNING id",
        sums::added_load("excluded")
    )
});

static ADD_MISSING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO missing (role, name, language, searches, probes, processes, last_seen_micros)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET {} RETURNING id",
        sums::added_missing("excluded")
    )
});

/// Adds everything. A rebase moves what is stored before it and nothing that is stored after it, because the
/// same chain of fork sites is another role then.
pub(crate) fn batch(db: &Connection, ids: &mut Identities, batch: &Batch) -> Result<()> {
    for row in &batch.trees {
        tree(db, ids, row)?;
    }
    for row in &batch.rebases {
        rebase::rebase(db, ids, row)?;
    }
    // Parents first: what hangs from a role is hung where its number says. Among siblings the one that was
    // forked first, so that a report lists them so.
    let mut roles: Vec<_> = batch.roles.iter().collect();
    roles.sort_by_key(|row| (row.chain.len(), row.number));
    for row in roles {
        role(db, ids, row)?;
    }
    for row in &batch.memory {
        memory::insert(db, ids, row)?;
    }
    for row in &batch.loads {
        load(db, ids, row)?;
    }
    for (tree, row) in &batch.lines {
        lines(db, ids, *tree, row)?;
    }
    for row in &batch.missing {
        missing(db, ids, row, batch.flushed_micros)?;
    }
    for row in &batch.executed {
        executed::write(db, ids, row)?;
    }
    for row in &batch.pings {
        ping::add(db, row)?;
    }
    for (name, drops) in &batch.queues {
        db.prepare_cached(
            "INSERT INTO queue (name, drops) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET drops = excluded.drops",
        )?
        .execute(params![name, drops])?;
    }
    counters(db, batch)
}

/// A tree's figures are absolute. Its words stay once they are told: a restarted collector does not
/// hear them again.
fn tree(db: &Connection, ids: &mut Identities, row: &TreeRow) -> Result<()> {
    let id = ids.tree(db, row.key)?;
    db.prepare_cached(
        "UPDATE tree SET
             program = iif(?2 = x'', program, ?2),
             executable = iif(?3 = x'', executable, ?3),
             shim_version = iif(?4 = x'', shim_version, ?4),
             first_seen_micros = iif(first_seen_micros = 0, ?5, min(first_seen_micros, ?5)),
             last_seen_micros = max(last_seen_micros, ?6),
             gaps = iif(?7 >= sequence, ?8, gaps),
             sequence = max(sequence, ?7),
             state = 0
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        row.program,
        row.executable,
        row.shim_version,
        count(row.first_seen_micros),
        count(row.last_seen_micros),
        count(row.sequence),
        count(row.gaps),
    ])?;
    for (reason, events) in &row.not_sent {
        db.prepare_cached(
            "INSERT INTO not_sent (tree, reason, count) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET count = max(count, excluded.count)",
        )?
        .execute(params![id, reason, count(*events)])?;
    }
    for interpreter in &row.interpreters {
        let told = params![
            id,
            interpreter.language,
            interpreter.version,
            interpreter.no_lines.as_deref().unwrap_or_default()
        ];
        // What was told last stands.
        db.prepare_cached(
            "DELETE FROM interpreter WHERE tree = ?1 AND language = ?2 AND version = ?3 AND no_lines <> ?4",
        )?
        .execute(told)?;
        db.prepare_cached(
            "INSERT OR IGNORE INTO interpreter (tree, language, version, no_lines) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(told)?;
    }
    Ok(())
}

fn role(db: &Connection, ids: &mut Identities, row: &RoleCount) -> Result<()> {
    let id = ids.counted_role(db, row)?;
    db.prepare_cached(
        "INSERT INTO fork (role, number, forks, nanos, resident_kib) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET
             resident_kib = iif(excluded.nanos >= nanos AND excluded.resident_kib > 0,
                 excluded.resident_kib, resident_kib),
             forks = max(forks, excluded.forks),
             nanos = max(nanos, excluded.nanos)",
    )?
    .execute(params![id, row.number, row.forks, count(row.fork_nanos), row.resident_kib])?;
    match &row.bystanders {
        Some(seen) => bystanders::write(db, id, row.number, seen),
        None => Ok(()),
    }
}

fn load(db: &Connection, ids: &mut Identities, row: &LoadRow) -> Result<()> {
    let role = ids.role(db, row.key.tree, &row.key.chain)?;
    let file = ids.file(db, &row.key.path)?;
    let id: i64 = db.prepare_cached(&ADD_LOAD)?.query_row(
        params![
            role,
            file,
            row.key.kind,
            row.name,
            row.language,
            row.outcome,
            row.via,
            row.pulled_in_by,
            count(row.events),
            count(row.processes),
            count(row.bytes),
            count(row.nanos),
            count(row.respawned),
            count(row.spans),
            count(row.span_nanos),
            count(row.span_cpu_nanos),
            count(row.span_faults),
            count(row.bound_nanos),
            count(row.first_seen_micros),
            count(row.last_seen_micros),
        ],
        |found| found.get(0),
    )?;
    stacks(db, ids, Owner::Load(id), &row.stacks)
}

fn lines(db: &Connection, ids: &mut Identities, tree: TreeKey, row: &LineCount) -> Result<()> {
    let tree = ids.tree(db, tree)?;
    db.prepare_cached(
        "INSERT INTO line_count (tree, language, no_lines, loads) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET loads = min(loads, 9223372036854775807 - excluded.loads) + excluded.loads",
    )?
    .execute(params![
        tree,
        row.language,
        row.no_lines.as_deref().unwrap_or_default(),
        count(row.loads)
    ])?;
    Ok(())
}

fn missing(db: &Connection, ids: &mut Identities, row: &MissingRow, seen_micros: u64) -> Result<()> {
    let role = ids.role(db, row.tree, &row.chain)?;
    if row.taken_back > 0 {
        take_back(db, role, &row.name, count(row.taken_back))?;
    }
    if row.searches == 0 {
        return Ok(());
    }
    let id: i64 = db.prepare_cached(&ADD_MISSING)?.query_row(
        params![
            role,
            row.name,
            row.language,
            count(row.searches),
            count(row.probes),
            count(row.processes),
            count(seen_micros)
        ],
        |found| found.get(0),
    )?;
    stacks(db, ids, Owner::Missing(id), &row.stacks)
}

/// Processes found the name after all. Whose probes are whose is not kept, so they fall in proportion. When nobody misses it any more its row goes. It may not be there:
/// the event that told of it was lost.
fn take_back(db: &Connection, role: i64, name: &[u8], processes: i64) -> Result<()> {
    let left: Option<(i64, i64)> = db
        .prepare_cached(
            "UPDATE missing SET
                 probes = probes / max(searches, 1) * max(searches - ?3, 0),
                 searches = max(searches - ?3, 0),
                 processes = max(processes - ?3, 0)
             WHERE role = ?1 AND name = ?2 RETURNING id, min(searches, processes)",
        )?
        .query_row(params![role, name, processes], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, 0)) = left else { return Ok(()) };
    sums::delete_missing(db, id)
}

/// Whose sample a stack is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Load(i64),
    Missing(i64),
}

/// Keeps the first [`MAX_STACKS`] distinct stacks of each owner.
fn stacks(db: &Connection, ids: &mut Identities, owner: Owner, stacks: &[Stack]) -> Result<()> {
    if stacks.is_empty() {
        return Ok(());
    }
    // Asked for by one column each: with `load IS ?1 AND missing IS ?2` SQLite may walk all stacks of loads
    // through the index of the other column, where they all are NULL.
    let (load, missing, id, kept) = match owner {
        Owner::Load(id) => {
            let kept = "SELECT count(*), coalesce(max(digest = ?2), 0) FROM stack WHERE load = ?1";
            (Some(id), None, id, kept)
        }
        Owner::Missing(id) => {
            let kept = "SELECT count(*), coalesce(max(digest = ?2), 0) FROM stack WHERE missing = ?1";
            (None, Some(id), id, kept)
        }
    };
    for stack in stacks {
        let (kept, known): (i64, bool) = db
            .prepare_cached(kept)?
            .query_row(params![id, digest(stack)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if known {
            continue;
        }
        if usize::try_from(kept).is_ok_and(|kept| kept >= MAX_STACKS) {
            break;
        }
        let id = db
            .prepare_cached("INSERT INTO stack (load, missing, digest) VALUES (?1, ?2, ?3)")?
            .insert(params![load, missing, digest(stack)])?;
        for (position, site) in (0i64..).zip(&stack.native) {
            let site = ids.site(db, site)?;
            db.prepare_cached("INSERT INTO native_frame (stack, position, site) VALUES (?1, ?2, ?3)")?
                .execute(params![id, position, site])?;
        }
        for (position, frame) in (0i64..).zip(&stack.language) {
            let line = ids.line(db, frame)?;
            db.prepare_cached("INSERT INTO language_frame (stack, position, line) VALUES (?1, ?2, ?3)")?
                .execute(params![id, position, line])?;
        }
    }
    Ok(())
}

/// Tells equal stacks of one owner. Symbols are left out: they come and go with the files they are read from.
///
/// The hash may be another one in a program built by another compiler. Then a stack may be kept twice;
/// the number of stacks stays bounded.
fn digest(stack: &Stack) -> i64 {
    let mut hasher = DefaultHasher::new();
    stack.language.hash(&mut hasher);
    for site in &stack.native {
        (&site.module, &site.build_id, site.offset).hash(&mut hasher);
    }
    bits(hasher.finish())
}

fn counters(db: &Connection, batch: &Batch) -> Result<()> {
    // Named field by field: a counter that the model grows must be placed here. The gaps and what was
    // not sent stand with the trees.
    let Loss {
        kernel_drops,
        sequence_gaps: _,
        malformed,
        truncated,
        unsupported_version,
        over_cap,
        forged,
        not_sent: _,
        events_file,
    } = batch.loss;
    for (name, value) in [
        ("datagrams", batch.datagrams),
        ("events", batch.events),
        ("odd_clocks", batch.odd_clocks),
        ("duplicates", batch.duplicates),
        ("kernel_drops", kernel_drops),
        ("malformed", malformed),
        ("truncated", truncated),
        ("unsupported_version", unsupported_version),
        ("over_cap", over_cap),
        ("forged", forged),
        ("events_file", events_file),
    ] {
        db.prepare_cached(
            "INSERT INTO counter (name, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = min(value, 9223372036854775807 - excluded.value) + excluded.value",
        )?
        .execute(params![name, count(value)])?;
    }
    Ok(())
}
