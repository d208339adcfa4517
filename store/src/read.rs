//! The reader: everything in one transaction, also while a collector writes.

use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, Result as SqlResult, Row};

use crate::integer::{from_bits, from_count};
use crate::merge::{ForkRow, Merge, MissingRow, RoleRow, SampleRow, TreeRow};
use crate::model::{Interpreter, LanguageFrame, LineCount, Loss, Site, Snapshot};
use crate::open::{Reading, reading};
use crate::samples::Samples;
use crate::{Error, bystanders, executed, loads, memory, merge, ping, role};

/// Reads everything that a report needs.
///
/// The collector may go on writing, and the file and its folder may be read-only to the reader.
///
/// # Errors
/// Every [`Error`] that says why a database cannot be read.
pub fn snapshot(path: &Path) -> Result<Snapshot, Error> {
    reading(path, loads::readers, read)
}

pub(crate) fn read(Reading { db, beside, writer_lives }: Reading<'_>) -> SqlResult<Snapshot> {
    let counters = counters(db)?;
    let counter = |name: &str| counters.get(name).copied().unwrap_or(0);
    let mut merge = Merge::default();
    let dropped = trees(db, &mut merge)?;
    let gone =
        (dropped.0.saturating_add(counter("gone_gaps")), dropped.1.saturating_add(counter("gone_not_sent")));
    let sites = sites(db)?;
    let lines = lines(db)?;
    roles(db, &mut merge, &sites, &lines)?;
    memory::read(db, |role, look| merge.look(role, look))?;
    interpreters(db, &mut merge)?;
    loads::read(db, beside, &mut merge)?;
    missing(db, &mut merge)?;
    executed::read(db, &mut merge)?;
    let programs = merge.finish(&mut Samples::new(db, &sites, &lines)?)?;
    let open_epochs: i64 =
        db.query_row("SELECT count(*) FROM epoch WHERE closed = 0", [], |row| row.get(0))?;
    let flushed: Option<i64> = db.query_row("SELECT max(flushed_micros) FROM epoch", [], |row| row.get(0))?;
    Ok(Snapshot {
        until_micros: if writer_lives { now_micros() } else { from_count(flushed.unwrap_or(0)) },
        pings: ping::all(db)?,
        datagrams: counter("datagrams"),
        events: counter("events"),
        odd_clocks: counter("odd_clocks"),
        epochs: ping::epochs(db, writer_lives)?,
        duplicates: counter("duplicates"),
        loss: Loss {
            kernel_drops: counter("kernel_drops"),
            sequence_gaps: sum(programs.iter().map(|program| program.sequence_gaps).chain([gone.0])),
            malformed: counter("malformed"),
            truncated: counter("truncated"),
            unsupported_version: counter("unsupported_version"),
            over_cap: counter("over_cap"),
            forged: counter("forged"),
            not_sent: sum(programs
                .iter()
                .flat_map(|program| &program.not_sent)
                .map(|(_, events)| *events)
                .chain([gone.1])),
            events_file: counter("events_file"),
        },
        programs,
        // The epoch of the writer that lives is open, as it should be.
        unclean_ends: from_count(open_epochs)
            .saturating_sub(u64::from(writer_lives))
            .saturating_add(counter("gone_unclean_ends")),
        dropped_before_micros: Some(counter("dropped_before")).filter(|&micros| micros > 0),
    })
}

fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// Hands every row of a query to `each`.
fn rows(db: &Connection, query: &str, mut each: impl FnMut(&Row<'_>) -> SqlResult<()>) -> SqlResult<()> {
    let mut statement = db.prepare(query)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        each(row)?;
    }
    Ok(())
}

fn counters(db: &Connection) -> SqlResult<HashMap<String, u64>> {
    let mut counters = HashMap::new();
    rows(db, "SELECT name, value FROM counter", |row| {
        counters.insert(row.get(0)?, from_count(row.get(1)?));
        Ok(())
    })?;
    Ok(counters)
}

/// Tells what the trees lost that were dropped: they are known by their numbers alone, and no program any more.
fn trees(db: &Connection, merge: &mut Merge) -> SqlResult<(u64, u64)> {
    let mut not_sent: HashMap<i64, Vec<(String, u64)>> = HashMap::new();
    rows(db, "SELECT tree, reason, count FROM not_sent ORDER BY tree, reason", |row| {
        not_sent.entry(row.get(0)?).or_default().push((row.get(1)?, from_count(row.get(2)?)));
        Ok(())
    })?;
    let mut dropped = (0u64, 0u64);
    rows(db, "SELECT id, pid, program, executable, gaps, trees, state FROM tree ORDER BY id", |row| {
        let (id, gaps) = (row.get(0)?, from_count(row.get(4)?));
        let not_sent = not_sent.remove(&id).unwrap_or_default();
        let state: i64 = row.get(6)?;
        if state == 2 {
            dropped.0 = dropped.0.saturating_add(merge::without_numbered(gaps, &not_sent));
            dropped.1 = dropped.1.saturating_add(sum(not_sent.iter().map(|(_, events)| *events)));
            return Ok(());
        }
        merge.tree(TreeRow {
            id,
            label: label(row.get(1)?, row.get(2)?, row.get(3)?),
            gaps,
            trees: from_count(row.get(5)?),
            is_kept: state == 3,
            not_sent,
        });
        Ok(())
    })?;
    Ok(dropped)
}

/// A tree whose first event was lost is called by its executable, or by its pid when that is not known either.
pub(crate) fn label(pid: i64, program: Vec<u8>, executable: Vec<u8>) -> Vec<u8> {
    if !program.is_empty() {
        return program;
    }
    match executable.rsplit(|&byte| byte == b'/').next() {
        Some(name) if !name.is_empty() => name.to_vec(),
        _ => format!("pid {pid}").into_bytes(),
    }
}

fn sites(db: &Connection) -> SqlResult<HashMap<i64, Site>> {
    let mut sites = HashMap::new();
    rows(db, "SELECT id, module, build_id, offset, symbol FROM site", |row| {
        let site = Site {
            module: row.get(1)?,
            build_id: row.get(2)?,
            offset: from_bits(row.get(3)?),
            symbol: row.get(4)?,
        };
        sites.insert(row.get(0)?, site);
        Ok(())
    })?;
    Ok(sites)
}

fn lines(db: &Connection) -> SqlResult<HashMap<i64, LanguageFrame>> {
    let mut lines = HashMap::new();
    rows(db, "SELECT id, language, file, number, function FROM line", |row| {
        let line = LanguageFrame {
            language: row.get(1)?,
            file: row.get(2)?,
            line: row.get(3)?,
            function: row.get(4)?,
        };
        lines.insert(row.get(0)?, line);
        Ok(())
    })?;
    Ok(lines)
}

fn roles(
    db: &Connection,
    merge: &mut Merge,
    sites: &HashMap<i64, Site>,
    lines: &HashMap<i64, LanguageFrame>,
) -> SqlResult<()> {
    let mut roles = Vec::new();
    // A parent's rank is lower than its children's, so it is merged before them.
    let query = "SELECT id, tree, parent, site, line, trees FROM role ORDER BY coalesce(rank, id), id";
    rows(db, query, |row| {
        let line: i64 = row.get(4)?;
        roles.push(RoleRow {
            id: row.get(0)?,
            tree: row.get(1)?,
            parent: row.get(2)?,
            site: sites.get(&row.get(3)?).cloned(),
            line: lines.get(&line).cloned(),
            is_other: line == role::OTHER,
            trees: from_count(row.get(5)?),
        });
        Ok(())
    })?;
    merge.roles(roles);
    let columns = bystanders::COLUMNS;
    let query = format!(
        "SELECT role, number, forks, nanos, resident_kib, coalesce(resident_micros, tree.last_seen_micros),
             coalesce(looked_micros, tree.last_seen_micros), {columns}
         FROM fork JOIN role ON role.id = fork.role JOIN tree ON tree.id = role.tree"
    );
    rows(db, &query, |row| {
        let forks = ForkRow {
            number: row.get(1)?,
            forks: from_count(row.get(2)?),
            nanos: from_count(row.get(3)?),
            resident_kib: row.get(4)?,
            resident_micros: from_count(row.get(5)?),
            looked_micros: from_count(row.get(6)?),
            bystanders: bystanders::read(row, 7)?,
        };
        merge.forks(row.get(0)?, forks);
        Ok(())
    })
}

/// A reason's word, `None` for the empty one.
fn reason(word: String) -> Option<String> {
    (!word.is_empty()).then_some(word)
}

fn interpreters(db: &Connection, merge: &mut Merge) -> SqlResult<()> {
    rows(
        db,
        "SELECT tree, language, version, no_lines FROM interpreter ORDER BY language, version, no_lines",
        |row| {
            let interpreter =
                Interpreter { language: row.get(1)?, version: row.get(2)?, no_lines: reason(row.get(3)?) };
            merge.interpreter(row.get(0)?, interpreter);
            Ok(())
        },
    )?;
    rows(db, "SELECT tree, language, no_lines, loads FROM line_count ORDER BY language, no_lines", |row| {
        let count = LineCount {
            language: row.get(1)?,
            no_lines: reason(row.get(2)?),
            loads: from_count(row.get(3)?),
        };
        merge.lines(row.get(0)?, count);
        Ok(())
    })
}

fn missing(db: &Connection, merge: &mut Merge) -> SqlResult<()> {
    rows(
        db,
        "SELECT id, role, name, language, searches, probes, processes FROM missing ORDER BY id",
        |row| {
            merge.missing(&MissingRow {
                id: row.get(0)?,
                role: row.get(1)?,
                name: row.get_ref(2)?.as_bytes()?,
                language: row.get_ref(3)?.as_bytes()?,
                searches: from_count(row.get(4)?),
                probes: from_count(row.get(5)?),
                processes: from_count(row.get(6)?),
            });
            Ok(())
        },
    )?;
    rows(db, "SELECT missing, id, digest FROM stack WHERE missing IS NOT NULL", |row| {
        merge.sample_of_missing(row.get(0)?, SampleRow { id: row.get(1)?, digest: row.get(2)? });
        Ok(())
    })
}
