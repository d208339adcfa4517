//! Programs that processes of a role executed.

use rusqlite::{Connection, Result, params};

use crate::identity::Identities;
use crate::integer::{count, from_count};
use crate::merge::Merge;
use crate::model::{Executed, ExecutedRow};

/// What becomes of a row that is there already.
const ADD: &str = "ON CONFLICT DO UPDATE SET
    runs = min(runs, 9223372036854775807 - excluded.runs) + excluded.runs,
    cpu_nanos = min(cpu_nanos, 9223372036854775807 - excluded.cpu_nanos) + excluded.cpu_nanos,
    wall_nanos = min(wall_nanos, 9223372036854775807 - excluded.wall_nanos) + excluded.wall_nanos,
    resident_kib = max(resident_kib, excluded.resident_kib),
    first_seen_micros = min(first_seen_micros, excluded.first_seen_micros),
    last_seen_micros = max(last_seen_micros, excluded.last_seen_micros)";

/// Adds the runs of a batch.
pub(crate) fn write(db: &Connection, ids: &mut Identities, row: &ExecutedRow) -> Result<()> {
    let role = ids.role(db, row.tree, &row.chain)?;
    db.prepare_cached(&format!("INSERT INTO executed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) {ADD}"))?
        .execute(params![
            role,
            row.executable,
            row.program,
            count(row.runs),
            count(row.cpu_nanos),
            count(row.wall_nanos),
            row.resident_kib,
            count(row.first_seen_micros),
            count(row.last_seen_micros)
        ])?;
    Ok(())
}

/// Makes the runs of one role those of another, at most `most` rows of them; how many there were.
pub(crate) fn move_runs(db: &Connection, from: i64, to: i64, most: u32) -> Result<u32> {
    // `WHERE` stands between the select and what becomes of a conflict, which could be read as a join.
    db.prepare_cached(&format!(
        "INSERT INTO executed
         SELECT ?2, executable, program, runs, cpu_nanos, wall_nanos, resident_kib, first_seen_micros,
             last_seen_micros
         FROM (SELECT * FROM executed WHERE role = ?1 ORDER BY executable, program LIMIT ?3) WHERE true {ADD}"
    ))?
    .execute([from, to, most.into()])?;
    let moved = db
        .prepare_cached(
            "DELETE FROM executed WHERE role = ?1 AND (executable, program) IN (
                 SELECT executable, program FROM executed WHERE role = ?1 ORDER BY executable, program LIMIT ?2)",
        )?
        .execute([from, most.into()])?;
    Ok(u32::try_from(moved).unwrap_or(u32::MAX))
}

/// Hands all runs to `merge`.
pub(crate) fn read(db: &Connection, merge: &mut Merge) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT role, executable, program, runs, cpu_nanos, wall_nanos, resident_kib, first_seen_micros,
             last_seen_micros
         FROM executed ORDER BY role, executable, program",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let executed = Executed {
            role: 0,
            executable: row.get(1)?,
            program: row.get(2)?,
            runs: from_count(row.get(3)?),
            cpu_nanos: from_count(row.get(4)?),
            wall_nanos: from_count(row.get(5)?),
            resident_kib: row.get(6)?,
            first_seen_micros: from_count(row.get(7)?),
            last_seen_micros: from_count(row.get(8)?),
        };
        merge.executed(row.get(0)?, executed);
    }
    Ok(())
}
