//! What the processes of a role held in memory: of each process the latest look, of each role the last processes.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, Result, params};

use crate::identity::Identities;
use crate::integer::{bits, count, from_bits, from_count};
use crate::model::{MAX_LOOKS, MemoryFigures, MemoryRow, RoleMemory};

/// Stores a look in the place of the one before; the role's oldest look goes when there are too many.
pub(crate) fn insert(db: &Connection, ids: &mut Identities, row: &MemoryRow) -> Result<()> {
    let role = ids.role(db, row.tree, &row.chain)?;
    // Its tree may be silent for long, and folded.
    db.prepare_cached("UPDATE tree SET state = 0 WHERE id = ?1 AND state <> 0")?
        .execute([ids.tree(db, row.tree)?])?;
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
             ORDER BY seen_micros DESC, start_ticks DESC, pid DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![role, MAX_LOOKS])?;
    Ok(())
}

/// Makes the looks at processes of one role those of another; how many there were. Where a process has looks
/// under both, [that which tells more](LookRow::rank) stays, with the largest figures of both.
pub(crate) fn relabel(db: &Connection, from: i64, to: i64) -> Result<u32> {
    let rank =
        |row: &str| format!("({row}pss_kib IS NOT NULL, {row}seen_micros, coalesce({row}pss_kib, -1))");
    let tells_more = format!("{} > {}", rank("excluded."), rank("memory."));
    let looked = ["seen_micros", "pss_kib", "uss_kib", "private_dirty_kib", "shared_kib", "swap_kib"]
        .map(|name| format!("{name} = iif({tells_more}, excluded.{name}, {name})"))
        .join(", ");
    let most = ["max_pss_kib", "max_uss_kib", "max_private_dirty_kib"]
        .map(|name| format!("{name} = coalesce(max({name}, excluded.{name}), {name}, excluded.{name})"))
        .join(", ");
    db.prepare_cached(&format!(
        "INSERT INTO memory
         SELECT ?2, pid, start_ticks, seen_micros, pss_kib, uss_kib, private_dirty_kib, shared_kib, swap_kib,
             max_pss_kib, max_uss_kib, max_private_dirty_kib
         FROM memory WHERE role = ?1
         ON CONFLICT DO UPDATE SET {looked}, {most}"
    ))?
    .execute([from, to])?;
    let moved = db.prepare_cached("DELETE FROM memory WHERE role = ?1")?.execute([from])?;
    if moved > 0 {
        forget_oldest(db, to)?;
    }
    Ok(u32::try_from(moved).unwrap_or(u32::MAX))
}

/// A row of the table `memory`.
#[derive(Debug, Clone)]
pub(crate) struct LookRow {
    pid: u32,
    start_ticks: u64,
    seen_micros: u64,
    figures: Option<MemoryFigures>,
    max_pss_kib: u64,
    max_uss_kib: u64,
    max_private_dirty_kib: u64,
}

impl LookRow {
    /// Of two looks at one process the one that tells more: one that could read it, the later one. An order of looks
    /// and of nothing else, so that it does not matter which are compared first.
    fn rank(&self) -> impl Ord + use<> {
        let pss_kib = self.figures.map(|figures| figures.pss_kib);
        (pss_kib.is_some(), self.seen_micros, pss_kib)
    }
}

/// Hands the look at each process to `each`, with the row of its role.
pub(crate) fn read(db: &Connection, mut each: impl FnMut(i64, LookRow)) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT role, pid, start_ticks, seen_micros, pss_kib, uss_kib, private_dirty_kib, shared_kib, swap_kib,
             max_pss_kib, max_uss_kib, max_private_dirty_kib
         FROM memory ORDER BY role",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kib = |column| row.get::<_, Option<i64>>(column).map(|kib| kib.map(from_count));
        let whole = |column| kib(column).map(Option::unwrap_or_default);
        let figures = match kib(4)? {
            Some(pss_kib) => Some(MemoryFigures {
                pss_kib,
                uss_kib: whole(5)?,
                private_dirty_kib: whole(6)?,
                shared_kib: whole(7)?,
                swap_kib: whole(8)?,
            }),
            None => None,
        };
        let look = LookRow {
            pid: row.get(1)?,
            start_ticks: from_bits(row.get(2)?),
            seen_micros: from_count(row.get(3)?),
            figures,
            max_pss_kib: whole(9)?,
            max_uss_kib: whole(10)?,
            max_private_dirty_kib: whole(11)?,
        };
        each(row.get(0)?, look);
    }
    Ok(())
}

/// The looks at the processes of a role, over all trees: of each process one.
#[derive(Debug, Default)]
pub(crate) struct Looks(HashMap<(u32, u64), LookRow>);

impl Looks {
    /// Adds a look; of one process the one that tells more stays, with the largest figures of all.
    pub(crate) fn add(&mut self, row: LookRow) {
        match self.0.entry((row.pid, row.start_ticks)) {
            Entry::Vacant(vacant) => drop(vacant.insert(row)),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let most = |figure: fn(&LookRow) -> u64| figure(known).max(figure(&row));
                let (max_pss_kib, max_uss_kib, max_private_dirty_kib) = (
                    most(|look| look.max_pss_kib),
                    most(|look| look.max_uss_kib),
                    most(|look| look.max_private_dirty_kib),
                );
                let stays = if row.rank() > known.rank() { row } else { known.clone() };
                *known = LookRow { max_pss_kib, max_uss_kib, max_private_dirty_kib, ..stays };
            }
        }
    }

    /// The sum over the [`MAX_LOOKS`] processes that were looked at last.
    pub(crate) fn sum(&self) -> RoleMemory {
        let mut looks: Vec<&LookRow> = self.0.values().collect();
        looks.sort_by_key(|look| Reverse((look.seen_micros, look.start_ticks, look.pid)));
        let mut sum = RoleMemory::default();
        for look in looks.into_iter().take(MAX_LOOKS as usize) {
            match look.figures {
                Some(figures) => {
                    sum.processes += 1;
                    for (sum, more) in [
                        (&mut sum.sum.pss_kib, figures.pss_kib),
                        (&mut sum.sum.uss_kib, figures.uss_kib),
                        (&mut sum.sum.private_dirty_kib, figures.private_dirty_kib),
                        (&mut sum.sum.shared_kib, figures.shared_kib),
                        (&mut sum.sum.swap_kib, figures.swap_kib),
                    ] {
                        *sum = sum.saturating_add(more);
                    }
                }
                None => sum.unreadable += 1,
            }
            sum.max_pss_kib = sum.max_pss_kib.max(look.max_pss_kib);
            sum.max_uss_kib = sum.max_uss_kib.max(look.max_uss_kib);
            sum.max_private_dirty_kib = sum.max_private_dirty_kib.max(look.max_private_dirty_kib);
            sum.seen_micros = sum.seen_micros.max(look.seen_micros);
        }
        sum
    }
}
