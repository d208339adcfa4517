//! A database of every earlier schema tells the same report as it did to the code that wrote it: before it is
//! upgraded, and after.

use std::fs;
use std::path::{Path, PathBuf};

use alive_report::{Report, Selection, render};
use alive_store::{SCHEMA_VERSION, Writer, snapshot};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

fn versions() -> impl Iterator<Item = i32> {
    1..SCHEMA_VERSION
}

fn beside(version: i32, suffix: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/versions");
    let file = folder.join(format!("{version}.{suffix}"));
    fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}: store/tests/versions/README.md says how it is made", file.display())
    })
}

/// A file as the last code of a version left it.
fn old(version: i32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    Connection::open(&path).unwrap().execute_batch(&beside(version, "sql")).unwrap();
    (folder, path)
}

fn report(path: &Path) -> String {
    let mut out = Vec::new();
    render::json::render(&Report::new(snapshot(path).unwrap(), &Selection::default()), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A report may tell more than that of an earlier version, and must tell all that it told.
fn assert_tells_what_it_did(now: &str, version: i32) {
    let told: Value = serde_json::from_str(&beside(version, "report.json")).unwrap();
    assert_holds(&serde_json::from_str(now).unwrap(), &told, &format!("version {version}"));
}

fn assert_holds(now: &Value, told: &Value, at: &str) {
    match (now, told) {
        (Value::Object(now), Value::Object(told)) => {
            for (key, told) in told {
                assert_holds(now.get(key).unwrap_or(&Value::Null), told, &format!("{at}, {key}"));
            }
        }
        (Value::Array(now), Value::Array(told)) => {
            assert_eq!(now.len(), told.len(), "{at}");
            for (index, (now, told)) in now.iter().zip(told).enumerate() {
                assert_holds(now, told, &format!("{at}, {index}"));
            }
        }
        _ => assert_eq!(now, told, "{at}"),
    }
}

fn version(path: &Path) -> i32 {
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_reader_understands_a_file_of_every_earlier_version_and_leaves_it_as_it_is() {
    for version in versions() {
        let (_folder, path) = old(version);
        let before = fs::read(&path).unwrap();
        assert_tells_what_it_did(&report(&path), version);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_writer_upgrades_a_file_of_every_earlier_version_and_loses_nothing() {
    for earlier in versions() {
        let (_folder, path) = old(earlier);
        let until = snapshot(&path).unwrap().until_micros;
        drop(Writer::open(&path).unwrap());
        assert_eq!(version(&path), SCHEMA_VERSION);
        // A writer was there, and was not closed. But for that nothing happened.
        let mut after = snapshot(&path).unwrap();
        assert_eq!(after.epochs.len(), 2);
        (after.unclean_ends, after.until_micros) = (after.unclean_ends - 1, until);
        let mut out = Vec::new();
        render::json::render(&Report::new(after, &Selection::default()), &mut out).unwrap();
        assert_tells_what_it_did(&String::from_utf8(out).unwrap(), earlier);
    }
}

#[test]
fn an_upgrade_that_fails_half_way_leaves_everything_as_it_was() {
    let (_folder, path) = old(1);
    let other = Connection::open(&path).unwrap();
    // Halfway through the steps their own table of this name cannot be made.
    other.execute_batch("CREATE TABLE file (in_the_way)").unwrap();
    let tables = shape(&other);
    for _ in 0..2 {
        Writer::open(&path).unwrap_err();
        assert_eq!((version(&path), shape(&other)), (1, tables.clone()));
    }
    other.execute_batch("DROP TABLE file").unwrap();
    assert_tells_what_it_did(&report(&path), 1);
    Writer::open(&path).unwrap().close().unwrap();
    assert_eq!(version(&path), SCHEMA_VERSION);
}

/// A process that is killed in the middle of an upgrade leaves what the log holds, and no commit.
#[test]
fn an_upgrade_that_was_cut_off_is_as_if_it_had_not_begun() {
    let (folder, path) = old(1);
    let cut = folder.path().join("cut.db");
    {
        let mut db = Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        // Everything that does not fit goes to the log before the commit.
        db.pragma_update(None, "cache_size", 1).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        let half = db.transaction().unwrap();
        half.execute_batch(include_str!("../../store/src/upgrade/1.sql")).unwrap();
        half.pragma_update(None, "user_version", SCHEMA_VERSION).unwrap();
        // As a kill would find them.
        for suffix in ["", "-wal"] {
            let beside = |path: &Path| format!("{}{suffix}", path.display());
            fs::copy(beside(&path), beside(&cut)).unwrap();
        }
        assert!(
            fs::metadata(folder.path().join("cut.db-wal")).unwrap().len() > 0,
            "the log has a part of it"
        );
    }
    assert_eq!(version(&cut), 1);
    assert_tells_what_it_did(&report(&cut), 1);
    Writer::open(&cut).unwrap().close().unwrap();
    assert_eq!(version(&cut), SCHEMA_VERSION);
}

/// Columns and indices of every table, in their order.
fn shape(db: &Connection) -> Vec<(String, String)> {
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut shape = Vec::new();
    for table in tables {
        let columns = "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || \
                           coalesce(dflt_value, '-') || ' ' || pk, ', ') FROM pragma_table_xinfo(?1)";
        let indices = "SELECT coalesce(group_concat(it, '; '), '') FROM (
                           SELECT (SELECT group_concat(name) FROM pragma_index_xinfo(list.name) WHERE key) ||
                               list.\"unique\" || list.partial AS it
                           FROM pragma_index_list(?1) AS list ORDER BY it)";
        for query in [columns, indices] {
            shape.push((table.clone(), db.query_row(query, [&table], |row| row.get(0)).unwrap()));
        }
    }
    shape
}

#[test]
fn an_upgraded_file_has_the_tables_of_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("new.db");
    Writer::open(&fresh).unwrap().close().unwrap();
    for version in versions() {
        let (_folder, path) = old(version);
        Writer::open(&path).unwrap().close().unwrap();
        let (old, new) = (Connection::open(&path).unwrap(), Connection::open(&fresh).unwrap());
        assert_eq!(shape(&old), shape(&new), "version {version}");
        let vacuum = |db: &Connection| db.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i32>(0));
        assert_eq!((vacuum(&old), vacuum(&new)), (Ok(2), Ok(2)));
        let broken: i64 =
            old.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!(broken, 0);
    }
}

/// Version 1 kept a role for each build of a module that forks at one place; now there is one.
#[test]
fn roles_that_a_replaced_library_made_two_of_become_one() {
    let (_folder, path) = old(1);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "INSERT INTO site (id, module, build_id, offset) SELECT 90, module, x'FF', offset FROM site WHERE id = 1;
         INSERT INTO role VALUES (90, 1, 1, 90, 1), (91, 1, 90, 2, 0);
         UPDATE load SET role = 90 WHERE role = 2 AND id % 2 = 0;
         UPDATE load SET role = 91 WHERE role = 3 AND id % 2 = 0;
         UPDATE missing SET role = 91 WHERE role = 3;
         UPDATE memory SET role = 90 WHERE role = 2;",
    )
    .unwrap();
    let moved: i64 =
        db.query_row("SELECT count(*) FROM load WHERE role IN (90, 91)", [], |row| row.get(0)).unwrap();
    assert!(moved > 0);
    drop(db);

    assert_tells_what_it_did(&report(&path), 1);
    Writer::open(&path).unwrap().close().unwrap();

    let db = Connection::open(&path).unwrap();
    let roles: i64 = db.query_row("SELECT count(*) FROM role WHERE tree = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(roles, 3, "as without the second build");
    let loose: i64 =
        db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(loose, 0);
}
