//! Gives room that is free in the file back to the file system, a few pages at a time.

use rusqlite::{Connection, ErrorCode, Result};

/// `PRAGMA auto_vacuum`: free pages are known, and are given back when that is asked for.
const INCREMENTAL: i64 = 2;

/// Pages that one step gives back.
const STEP: u32 = 512;

/// One part in so many of the file may be free: it fills again.
const SLACK: i64 = 8;

/// Pages that may be free in any case, four MiB.
const LEAST: i64 = 1_024;

/// Makes a file that has nothing in it yet one that can be vacuumed in steps.
pub(crate) fn prepare(db: &Connection) -> Result<()> {
    db.pragma_update(None, "auto_vacuum", INCREMENTAL)
}

/// Makes any other file one, which rewrites it once. Where there is no room for that it stays as it is: what is
/// free in it is used again, but not given back. The next writer tries again.
pub(crate) fn convert(db: &Connection) -> Result<()> {
    if pragma(db, "auto_vacuum")? == INCREMENTAL {
        return Ok(());
    }
    prepare(db)?;
    match db.execute_batch("VACUUM") {
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) =>
        {
            Ok(())
        }
        vacuumed => vacuumed,
    }
}

/// Gives some pages back; false when there is nothing to give.
pub(crate) fn step(db: &Connection) -> Result<bool> {
    let (free, pages) = (pragma(db, "freelist_count")?, pragma(db, "page_count")?);
    if free <= LEAST.max(pages / SLACK) || pragma(db, "auto_vacuum")? != INCREMENTAL {
        return Ok(false);
    }
    let mut statement = db.prepare(&format!("PRAGMA incremental_vacuum({STEP})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Bytes of the file that hold something.
pub(crate) fn used_bytes(db: &Connection) -> Result<u64> {
    let pages = pragma(db, "page_count")?.saturating_sub(pragma(db, "freelist_count")?);
    Ok(u64::try_from(pages.saturating_mul(pragma(db, "page_size")?)).unwrap_or(0))
}

fn pragma(db: &Connection, name: &str) -> Result<i64> {
    db.pragma_query_value(None, name, |row| row.get(0))
}
