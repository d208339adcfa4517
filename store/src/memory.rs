//! What the processes of a role held in memory: of each process the latest look, of each role the last processes.

use rusqlite::{Connection, Result, params};

use crate::identity::Identities;
use crate::integer::{bits, count, from_count};
use crate::model::{MAX_LOOKS, MemoryFigures, MemoryRow, RoleMemory};

/// Stores a look in the place of the one before; the role's oldest look goes when there are too many.
pub(crate) fn insert(db: &Connection, ids: &mut Identities, row: &MemoryRow) -> Result<()> {
    let role = ids.role(db, row.tree, &row.chain)?;
    let figure = |of: fn(&MemoryFigures) -> u64| row.figures.as_ref().map(|figures| count(of(figures)));
    // A process that may not be read any more, as one that changed its user, keeps what was read before.
    db.prepare_cached(
        "INSERT INTO memory (role, pid, start_ticks, seen_micros, pss_kib, uss_kib, private_dirty_kib, shared_kib,
             swap_kib, max_pss_kib, max_uss_kib, max_private_dirty_kib)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET
             seen_micros = max(seen_micros, excluded.seen_micros),
             pss_kib = coalesce(excluded.pss_kib, pss_kib),
             uss_kib = coalesce(excluded.uss_kib, uss_kib),
             private_dirty_kib = coalesce(excluded.private_dirty_kib, private_dirty_kib),
             shared_kib = coalesce(excluded.shared_kib, shared_kib),
             swap_kib = coalesce(excluded.swap_kib, swap_kib),
             max_pss_kib = max(coalesce(max_pss_kib, 0), coalesce(excluded.max_pss_kib, max_pss_kib)),
             max_uss_kib = max(coalesce(max_uss_kib, 0), coalesce(excluded.max_uss_kib, max_uss_kib)),
             max_private_dirty_kib = max(coalesce(max_private_dirty_kib, 0),
                 coalesce(excluded.max_private_dirty_kib, max_private_dirty_kib))",
    )?
    .execute(params![
        role,
        row.pid,
        bits(row.start_ticks),
        count(row.seen_micros),
        figure(|figures| figures.pss_kib),
        figure(|figures| figures.uss_kib),
        figure(|figures| figures.private_dirty_kib),
        figure(|figures| figures.shared_kib),
        figure(|figures| figures.swap_kib),
    ])?;
    forget_oldest(db, role)
}

fn forget_oldest(db: &Connection, role: i64) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM memory WHERE role = ?1 AND (pid, start_ticks) IN (
             SELECT pid, start_ticks FROM memory WHERE role = ?1
             ORDER BY seen_micros DESC, start_ticks DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![role, MAX_LOOKS])?;
    Ok(())
}

/// Makes the looks at processes of one role those of another. Where a process has looks under both the later
/// one stays.
pub(crate) fn relabel(db: &Connection, from: i64, to: i64) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM memory WHERE role = ?2 AND EXISTS (
             SELECT 1 FROM memory AS ours WHERE ours.role = ?1 AND ours.pid = memory.pid
             AND ours.start_ticks = memory.start_ticks AND ours.seen_micros >= memory.seen_micros)",
    )?
    .execute([from, to])?;
    db.prepare_cached("UPDATE OR IGNORE memory SET role = ?2 WHERE role = ?1")?.execute([from, to])?;
    db.prepare_cached("DELETE FROM memory WHERE role = ?1")?.execute([from])?;
    forget_oldest(db, to)
}

/// Hands the sums of each role to `each`.
pub(crate) fn read(db: &Connection, mut each: impl FnMut(i64, &RoleMemory)) -> Result<()> {
    // Sums of a damaged file may be too large for a number: then they are none, and so 0.
    let mut statement = db.prepare(
        "SELECT role, count(pss_kib), count(*) - count(pss_kib), total(pss_kib), total(uss_kib),
             total(private_dirty_kib), total(shared_kib), total(swap_kib), max(max_pss_kib), max(max_uss_kib),
             max(max_private_dirty_kib), max(seen_micros)
         FROM memory GROUP BY role ORDER BY role",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let whole =
            |column| Ok::<u64, rusqlite::Error>(from_count(row.get::<_, Option<i64>>(column)?.unwrap_or(0)));
        let sum = |column| Ok::<u64, rusqlite::Error>(from_total(row.get(column)?));
        let memory = RoleMemory {
            processes: whole(1)?,
            unreadable: whole(2)?,
            sum: MemoryFigures {
                pss_kib: sum(3)?,
                uss_kib: sum(4)?,
                private_dirty_kib: sum(5)?,
                shared_kib: sum(6)?,
                swap_kib: sum(7)?,
            },
            max_pss_kib: whole(8)?,
            max_uss_kib: whole(9)?,
            max_private_dirty_kib: whole(10)?,
            seen_micros: whole(11)?,
        };
        each(row.get(0)?, &memory);
    }
    Ok(())
}

/// `total()` sums without overflow, as a float: exact for any sum of sizes below eight exbibytes.
fn from_total(sum: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates"
    )]
    let whole = sum as u64;
    whole
}
