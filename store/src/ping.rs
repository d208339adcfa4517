//! Taps: what was hit, and when somebody listened.

use rusqlite::{Connection, Result, params};

use crate::integer::{count, from_count};
use crate::model::{Epoch, PingRow};

/// Adds hits. What only the last hit tells is replaced, unless what is stored is later.
pub(crate) fn add(db: &Connection, row: &PingRow) -> Result<()> {
    let (id, last): (i64, i64) = db
        .prepare_cached(
            "INSERT INTO ping (name, file, line, service, host, hits, processes, function, caller,
                               first_seen_micros, last_seen_micros)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT DO UPDATE SET
                 hits = min(hits, 9223372036854775807 - excluded.hits) + excluded.hits,
                 processes = min(processes, 9223372036854775807 - excluded.processes) + excluded.processes,
                 function = iif(excluded.last_seen_micros >= last_seen_micros, excluded.function, function),
                 caller = iif(excluded.last_seen_micros >= last_seen_micros, excluded.caller, caller),
                 first_seen_micros = min(first_seen_micros, excluded.first_seen_micros),
                 last_seen_micros = max(last_seen_micros, excluded.last_seen_micros)
             RETURNING id, last_seen_micros",
        )?
        .query_row(
            params![
                row.name,
                row.file,
                row.line,
                row.service,
                row.host,
                count(row.hits),
                count(row.processes),
                row.function,
                row.caller,
                count(row.first_seen_micros),
                count(row.last_seen_micros)
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    if last == count(row.last_seen_micros) { context(db, id, &row.context) } else { Ok(()) }
}

fn context(db: &Connection, ping: i64, context: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
    db.prepare_cached("DELETE FROM ping_context WHERE ping = ?1")?.execute([ping])?;
    let mut insert =
        db.prepare_cached("INSERT INTO ping_context (ping, position, key, value) VALUES (?1, ?2, ?3, ?4)")?;
    for (position, (key, value)) in (0u32..).zip(context) {
        insert.execute(params![ping, position, key, value])?;
    }
    Ok(())
}

/// All hits, by name and place.
pub(crate) fn all(db: &Connection) -> Result<Vec<PingRow>> {
    let mut context = db.prepare("SELECT key, value FROM ping_context WHERE ping = ?1 ORDER BY position")?;
    let mut pings = db.prepare(
        "SELECT id, name, file, line, service, host, hits, processes, function, caller,
                first_seen_micros, last_seen_micros
         FROM ping ORDER BY name, file, line, service, host",
    )?;
    let rows = pings.query_map([], |row| {
        let id: i64 = row.get(0)?;
        let context = context.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(PingRow {
            name: row.get(1)?,
            file: row.get(2)?,
            line: row.get(3)?,
            service: row.get(4)?,
            host: row.get(5)?,
            hits: from_count(row.get(6)?),
            processes: from_count(row.get(7)?),
            function: row.get(8)?,
            caller: row.get(9)?,
            context: context.collect::<Result<_>>()?,
            first_seen_micros: from_count(row.get(10)?),
            last_seen_micros: from_count(row.get(11)?),
        })
    })?;
    rows.collect()
}

/// When collectors listened. Only the last one can listen still, and does when a writer lives.
pub(crate) fn epochs(db: &Connection, writer_lives: bool) -> Result<Vec<Epoch>> {
    let mut statement = db.prepare("SELECT opened_micros, flushed_micros FROM epoch ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(Epoch {
            opened_micros: from_count(row.get(0)?),
            until_micros: from_count(row.get(1)?),
            is_open: false,
        })
    })?;
    let mut epochs = rows.collect::<Result<Vec<_>>>()?;
    if let Some(last) = epochs.last_mut() {
        last.is_open = writer_lives;
    }
    Ok(epochs)
}
