//! Reading loads: the one table that may have a million rows. Several threads read it where it is large, each by a
//! connection of its own to the same state, and take parts of it in turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rusqlite::{CachedStatement, Connection, Result, Row, Rows};

use crate::integer::from_count;
use crate::merge::{LoadRow, Loads, Merge, Roles, SampleRow};

/// Rows from which on several threads are worth their connections.
const MANY: i64 = 65_536;

/// Numbers of rows that a thread takes at a time, and most parts: numbers may lie far apart.
const PART: u64 = 8_192;
const MOST_PARTS: u64 = 65_536;

/// Most threads that read.
const MOST_THREADS: usize = 4;

/// How many connections beside the first one are worth opening.
pub(crate) fn readers(db: &Connection) -> Result<usize> {
    let (first, last) = ends(db)?;
    if last.saturating_sub(first) < MANY {
        return Ok(0);
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Ok(processors.min(MOST_THREADS) - 1)
}

/// The numbers of the first and of the last row.
fn ends(db: &Connection) -> Result<(i64, i64)> {
    // Each by itself is looked up; both at once are looked for in all rows.
    let end = |which: &str| {
        db.query_row(&format!("SELECT coalesce({which}(id), 0) FROM load"), [], |row| row.get(0))
    };
    Ok((end("min")?, end("max")?))
}

/// Adds up all loads. The connections beside the first one must read the same state.
pub(crate) fn read(db: &Connection, beside: Vec<Connection>, merge: &mut Merge) -> Result<()> {
    let (first, last) = ends(db)?;
    let rows = last.abs_diff(first);
    let length = PART.max(rows / MOST_PARTS);
    let next = AtomicU64::new(0);
    let part = || {
        let before = next.fetch_add(1, Ordering::Relaxed).saturating_mul(length);
        (before <= rows).then(|| {
            let from = first.saturating_add_unsigned(before);
            (from, from.saturating_add_unsigned(length - 1))
        })
    };
    let (roles, part) = (merge.role_rows(), &part);
    let all = thread::scope(|scope| {
        let others: Vec<_> = beside
            .into_iter()
            // Where no more threads may be had, those that are there read everything.
            .map_while(|db| thread::Builder::new().spawn_scoped(scope, move || parts(&db, roles, part)).ok())
            .collect();
        let mut all = parts(db, roles, part)?;
        for other in others {
            match other.join() {
                Ok(sums) => all.join(sums?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<_, rusqlite::Error>(all)
    })?;
    merge.loads(all);
    Ok(())
}

/// Adds up parts until there are none left.
fn parts(db: &Connection, roles: &Roles, next: impl Fn() -> Option<(i64, i64)>) -> Result<Loads> {
    let mut sums = Loads::default();
    let mut loads = db.prepare_cached(
        "SELECT id, role, file, kind, name, language, outcome, via, pulled_in_by, events, processes,
             bytes, nanos, respawned, spans, span_nanos, span_cpu_nanos, span_faults,
             bound_nanos, first_seen_micros, last_seen_micros
         FROM load WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?;
    // By an index that has all that is asked.
    let mut stacks = db.prepare_cached(
        "SELECT load, id, digest FROM stack WHERE load BETWEEN ?1 AND ?2 ORDER BY load, digest",
    )?;
    while let Some(ends) = next() {
        part(&mut sums, roles, (&mut loads, &mut stacks), ends)?;
    }
    Ok(sums)
}

/// Two walks in one step: over loads, and over their stacks.
fn part(
    sums: &mut Loads,
    roles: &Roles,
    (loads, stacks): (&mut CachedStatement<'_>, &mut CachedStatement<'_>),
    ends: (i64, i64),
) -> Result<()> {
    let mut loads = loads.query(ends)?;
    let mut stacks = stacks.query(ends)?;
    let mut stack = sample(&mut stacks)?;
    while let Some(row) = loads.next()? {
        let id = row.get_ref(0)?.as_i64()?;
        let sum = sums.add(roles, id, &load(row)?);
        while let Some((load, found)) = stack.filter(|(load, _)| *load <= id) {
            if load == id
                && let Some(sum) = sum
            {
                sums.sample(sum, found);
            }
            stack = sample(&mut stacks)?;
        }
    }
    Ok(())
}

fn load<'r>(row: &'r Row<'_>) -> Result<LoadRow<'r>> {
    let number = |column: usize| Ok::<u64, rusqlite::Error>(from_count(row.get_ref(column)?.as_i64()?));
    let spans = number(14)?;
    // What is summed over spans is nothing without one.
    let of_spans = |column| if spans == 0 { Ok(0) } else { number(column) };
    Ok(LoadRow {
        role: row.get_ref(1)?.as_i64()?,
        file: row.get_ref(2)?.as_i64()?,
        kind: row.get_ref(3)?.as_bytes()?,
        name: row.get_ref(4)?.as_bytes()?,
        language: row.get_ref(5)?.as_bytes()?,
        outcome: row.get_ref(6)?.as_bytes()?,
        via: row.get_ref(7)?.as_bytes()?,
        pulled_in_by: row.get_ref(8)?.as_bytes()?,
        events: number(9)?,
        processes: number(10)?,
        bytes: number(11)?,
        nanos: number(12)?,
        respawned: number(13)?,
        spans,
        span_nanos: of_spans(15)?,
        span_cpu_nanos: of_spans(16)?,
        span_faults: of_spans(17)?,
        bound_nanos: number(18)?,
        first_seen_micros: number(19)?,
        last_seen_micros: number(20)?,
    })
}

/// The next stack, with the row that it belongs to.
fn sample(stacks: &mut Rows<'_>) -> Result<Option<(i64, SampleRow)>> {
    let Some(row) = stacks.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, SampleRow { id: row.get(1)?, digest: row.get(2)? })))
}

#[cfg(test)]
mod tests {
    use crate::model::{Batch, ForkSite, LanguageFrame, LoadKey, LoadRow, Site, Stack, TreeKey, TreeRow};
    use crate::open::reading;
    use crate::{Writer, read};

    /// A load of one of two roles by one of a few trees, all figures of its own.
    fn load(number: u32) -> LoadRow {
        let role =
            |name: &[u8]| ForkSite { site: Site { module: name.into(), ..Site::default() }, line: None };
        let word = |letters: u32| format!("{}", number % letters);
        let line = LanguageFrame {
            language: "perl".into(),
            file: b"cart.pl".to_vec(),
            line: number % 7,
            function: Vec::new(),
        };
        LoadRow {
            key: LoadKey {
                tree: TreeKey { pid: number % 9, start_micros: 1 },
                chain: vec![role(if number.is_multiple_of(2) { b"even" } else { b"odd" })],
                path: format!("/{}", number / 9 % 1_500).into(),
                kind: if number.is_multiple_of(5) { "library" } else { "module" }.into(),
            },
            name: word(4).into(),
            language: word(3),
            outcome: ["loaded", "failed", ""][number as usize % 3].into(),
            via: word(2),
            pulled_in_by: word(6).into(),
            events: 1,
            processes: 2,
            bytes: number.into(),
            nanos: u64::MAX / 4,
            respawned: 1,
            spans: (number % 2).into(),
            span_nanos: number.into(),
            span_cpu_nanos: number.into(),
            span_faults: 3,
            bound_nanos: (number % 11).into(),
            first_seen_micros: (1_000_000 - number).into(),
            last_seen_micros: (2_000_000 + number).into(),
            stacks: vec![Stack { language: vec![line], native: Vec::new() }],
        }
    }

    #[test]
    fn several_threads_add_up_what_one_does_in_the_same_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let tree = |pid| TreeRow {
            key: TreeKey { pid, start_micros: 1 },
            program: if pid < 5 { b"one".to_vec() } else { b"other".to_vec() },
            executable: Vec::new(),
            shim_version: Vec::new(),
            first_seen_micros: 1,
            last_seen_micros: 2,
            sequence: 1,
            gaps: 0,
            not_sent: Vec::new(),
            interpreters: Vec::new(),
        };
        let batch = Batch {
            trees: (0..9).map(tree).collect(),
            loads: (0..20_000).map(load).collect(),
            ..Batch::default()
        };
        let mut writer = Writer::open(&path).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();

        let read_by = |threads: usize| {
            let mut had = 0;
            let snapshot = reading(
                &path,
                |_| Ok(threads - 1),
                |reading| {
                    had = reading.beside.len() + 1;
                    read::read(reading)
                },
            );
            assert_eq!(had, threads);
            snapshot.unwrap().programs
        };
        let alone = read_by(1);
        assert!(alone.iter().map(|program| program.loads.len()).sum::<usize>() > 3_000);
        assert!(alone.iter().flat_map(|program| &program.loads).any(|load| load.stacks.len() > 1));
        assert_eq!(read_by(2), alone);
        assert_eq!(read_by(4), alone);
        // However far apart their numbers lie.
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 UPDATE stack SET load = 9223372036854775807 WHERE load = (SELECT max(id) FROM load);
                 UPDATE load SET id = 9223372036854775807 WHERE id = (SELECT max(id) FROM load);",
            )
            .unwrap();
        assert_eq!(read_by(4), alone);
    }
}
