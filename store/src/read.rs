//! The reader: everything in one transaction, also while a collector writes.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, Result as SqlResult, Row, Rows};

use crate::integer::{from_bits, from_count};
use crate::merge::{ForkRow, LoadRow, Merge, MissingRow, RoleRow, SampleRow, TreeRow};
use crate::migrate::{self, Found};
use crate::model::{Interpreter, LanguageFrame, LineCount, Loss, Site, Snapshot};
use crate::samples::Samples;
use crate::{Error, SCHEMA_VERSION, bystanders, executed, lock, memory, merge, ping, role};

/// How long to wait for a writer that holds the whole database, as at its start and end.
const BUSY: Duration = Duration::from_secs(5);

/// Reads everything that a report needs.
///
/// The collector may go on writing, and the file and its folder may be read-only to the reader.
///
/// # Errors
/// Every [`Error`] that says why a database cannot be read.
pub fn snapshot(path: &Path) -> Result<Snapshot, Error> {
    reading(path, read)
}

/// Opens a database and reads from it in one transaction. `read` is told whether a writer lives.
pub(crate) fn reading<T>(
    path: &Path,
    read: impl FnOnce(&Connection, bool) -> SqlResult<T>,
) -> Result<T, Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(Error::NotADatabase { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(Error::of_io(path, error)),
    }
    let mut connection = open(path)?;
    let sqlite = |error| Error::of_sqlite(path, error);
    // Looked at before the rows are read: a writer that ends in between has closed its epoch then.
    let writer_lives = lock::is_held(path);
    match migrate::inspect(&connection, path)? {
        Found::Empty => return Err(Error::NotOurs { path: path.to_owned() }),
        Found::Version(SCHEMA_VERSION) => {}
        Found::Version(_) => connection = upgraded_copy(&connection, path)?,
    }
    let transaction = connection.transaction().map_err(sqlite)?;
    read(&transaction, writer_lives).map_err(sqlite)
}

/// The same tables as this version has them: a reader may not upgrade the file itself, which may be kept for good
/// reason, or be written by an older collector. The copy is a file without a name, gone when it is closed.
fn upgraded_copy(connection: &Connection, path: &Path) -> Result<Connection, Error> {
    let sqlite = |error| Error::of_sqlite(path, error);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags("", flags).map_err(sqlite)?;
    let copied = Backup::new(connection, &mut copy).and_then(|backup| backup.step(-1)).map_err(sqlite)?;
    if copied != StepResult::Done {
        return Err(Error::Locked { path: path.to_owned() });
    }
    copy.pragma_update(None, "foreign_keys", false).map_err(sqlite)?;
    migrate::migrate(&mut copy, path)?;
    Ok(copy)
}

/// Opens for reading.
///
/// A database in WAL mode is read through a log and its index beside it, which even a reader has to make
/// where they are not. So it is opened for writing where that is allowed, because only then does `SQLite`
/// remove them again, and told that there is nothing to write.
///
/// In a folder that the reader cannot write they cannot be made; there, when no log stands beside the
/// database, nothing is being written either, and the file may be read as it is.
fn open(path: &Path) -> Result<Connection, Error> {
    // Without a lock around every call, which a million rows would pay for: one thread reads.
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| opening(path, error))?;
    let sqlite = |error| Error::of_sqlite(path, error);
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    connection.pragma_update(None, "query_only", true).map_err(sqlite)?;
    let Err(error) = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) else {
        return Ok(connection);
    };
    if error.sqlite_error_code() != Some(ErrorCode::CannotOpen)
        && error.sqlite_error_code() != Some(ErrorCode::ReadOnly)
    {
        return Err(sqlite(error));
    }
    if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(Error::Unrecovered { path: path.to_owned() });
    }
    Connection::open_with_flags(
        uri(path, "mode=ro&immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| opening(path, error))
}

/// The file is there, so what cannot be opened is what may not be opened.
fn opening(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => Error::Permission { path: path.to_owned() },
        _ => Error::of_sqlite(path, error),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path as a URI of `SQLite`, every byte that could mean something in it escaped.
fn uri(path: &Path, query: &str) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    // `file:relative` is relative, `file:///absolute` has an empty host in front of the path.
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "file:" });
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("a String takes everything");
        }
    }
    uri + "?" + query
}

fn read(db: &Connection, writer_lives: bool) -> SqlResult<Snapshot> {
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
    loads(db, &mut merge)?;
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

fn loads(db: &Connection, merge: &mut Merge) -> SqlResult<()> {
    // Two walks in one step: over the loads, and over their stacks by an index that has all that is asked.
    let mut stacks =
        db.prepare("SELECT load, id, digest FROM stack WHERE load IS NOT NULL ORDER BY load, digest")?;
    let mut stacks = stacks.query([])?;
    let mut stack = sample(&mut stacks)?;
    let query = "SELECT id, role, file, kind, name, language, outcome, via, pulled_in_by, events, processes,
                     bytes, nanos, respawned, spans, span_nanos, span_cpu_nanos, span_faults,
                     bound_nanos, first_seen_micros, last_seen_micros
                 FROM load ORDER BY id";
    rows(db, query, |row| {
        let number = |column: usize| Ok::<u64, rusqlite::Error>(from_count(row.get_ref(column)?.as_i64()?));
        let id = row.get_ref(0)?.as_i64()?;
        let spans = number(14)?;
        // What is summed over spans is nothing without one.
        let of_spans = |column| if spans == 0 { Ok(0) } else { number(column) };
        merge.load(&LoadRow {
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
        });
        while let Some((load, found)) = stack.filter(|(load, _)| *load <= id) {
            if load == id {
                merge.sample_of_load(found);
            }
            stack = sample(&mut stacks)?;
        }
        Ok(())
    })
}

/// The next stack, with the row that it belongs to.
fn sample(stacks: &mut Rows<'_>) -> SqlResult<Option<(i64, SampleRow)>> {
    let Some(row) = stacks.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, SampleRow { id: row.get(1)?, digest: row.get(2)? })))
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
