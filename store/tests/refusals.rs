//! Databases that cannot be used: each says why and what to do next, and none is harmed.

mod sample;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use alive_store::model::Batch;
use alive_store::{Error, Writer, snapshot};
use nix::unistd::{Uid, setfsuid};
use rusqlite::Connection;
use sample::{load, tree};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    (folder, path)
}

fn batch() -> Batch {
    Batch {
        trees: vec![tree(1)],
        loads: vec![load(1, &["w"], b"/a.pm")],
        events: 1,
        flushed_micros: 5,
        ..Batch::default()
    }
}

/// A database with one load, closed.
fn closed(path: &Path) {
    let mut writer = Writer::open(path).unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs something without root's right to pass over permissions: in a thread of its own, whose user for
/// files is nobody.
fn without_privileges<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        scope
            .spawn(|| {
                if Uid::effective().is_root() {
                    setfsuid(Uid::from_raw(65_534));
                }
                run()
            })
            .join()
            .unwrap()
    })
}

#[test]
fn a_file_that_is_not_there() {
    let (_folder, path) = folder();
    let error = snapshot(&path).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("start alive-collector first"), "{error}");
    assert!(!path.exists(), "looking must not make it");
}

#[test]
fn a_folder_that_is_not_there() {
    let (folder, _) = folder();
    let error = Writer::open(&folder.path().join("no/t.db")).unwrap_err();
    assert!(matches!(error, Error::NoFolder { .. }), "{error:?}");
}

#[test]
fn a_file_that_is_no_database() {
    let (folder, path) = folder();
    fs::write(
        &path,
        "these are not the bytes of a database, and there are more than a hundred of them. ".repeat(9),
    )
    .unwrap();
    let before = fs::read(&path).unwrap();
    for error in [snapshot(&path).unwrap_err(), Writer::open(&path).unwrap_err()] {
        assert!(matches!(error, Error::NotADatabase { .. }), "{error:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    let error = snapshot(folder.path()).unwrap_err();
    assert!(matches!(error, Error::NotADatabase { .. }), "{error:?}");
}

#[test]
fn a_database_of_another_program() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 7;").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    for error in [snapshot(&path).unwrap_err(), Writer::open(&path).unwrap_err()] {
        assert!(matches!(error, Error::NotOurs { .. }), "{error:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_a_newer_alive() {
    let (_folder, path) = folder();
    closed(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    for error in [snapshot(&path).unwrap_err(), Writer::open(&path).unwrap_err()] {
        assert!(
            matches!(error, Error::NewerSchema { found: 9, known: alive_store::SCHEMA_VERSION, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("schema version 9, this alive knows 2: upgrade alive"), "{error}");
    }
}

#[test]
fn a_damaged_database() {
    let (_folder, path) = folder();
    closed(&path);
    let mut bytes = fs::read(&path).unwrap();
    let page = 4096;
    bytes[page..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = snapshot(&path).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_database_that_another_collector_writes_to() {
    let (_folder, path) = folder();
    let first = Writer::open(&path).unwrap();
    let error = Writer::open(&path).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    first.close().unwrap();
    Writer::open(&path).unwrap();
}

#[test]
fn a_database_that_is_locked_takes_the_batch_later() {
    let (_folder, path) = folder();
    let mut writer = Writer::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = writer.write(&batch()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error:?}");
    other.execute_batch("COMMIT").unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    assert_eq!(snapshot(&path).unwrap().events, 1);
}

#[test]
fn a_batch_that_fails_half_way_leaves_nothing_and_can_be_written_again() {
    let (_folder, path) = folder();
    let mut writer = Writer::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON load BEGIN SELECT raise(ABORT, 'no'); END";
    other.execute_batch(refuse).unwrap();
    writer.write(&batch()).unwrap_err();
    assert!(snapshot(&path).unwrap().programs.is_empty(), "the tree was written before the load");
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    writer.write(&batch()).unwrap();
    let snapshot = snapshot(&path).unwrap();
    assert_eq!((snapshot.events, snapshot.programs[0].loads.len()), (1, 1));
}

#[test]
fn a_database_that_was_removed_while_it_was_open() {
    let (_folder, path) = folder();
    let mut writer = Writer::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let error = writer.write(&batch()).unwrap_err();
    assert!(matches!(error, Error::Replaced { .. }), "{error:?}");
}

#[test]
fn a_database_that_may_not_be_read_or_written() {
    let (folder, path) = folder();
    closed(&path);
    set_mode(&path, 0);
    set_mode(folder.path(), 0o555);
    let (read, written) = without_privileges(|| (snapshot(&path), Writer::open(&path)));
    set_mode(folder.path(), 0o755);
    let error = read.unwrap_err();
    assert!(matches!(error, Error::Permission { .. }), "{error:?}");
    let error = written.unwrap_err();
    assert!(matches!(error, Error::Permission { .. }), "{error:?}");
}

#[test]
fn a_closed_database_can_be_read_in_a_folder_that_cannot_be_written() {
    let (folder, path) = folder();
    // A name that means something in a URI.
    let path = path.with_file_name("50%? #1.db");
    closed(&path);
    set_mode(&path, 0o444);
    set_mode(folder.path(), 0o555);
    let read = without_privileges(|| snapshot(&path));
    set_mode(folder.path(), 0o755);
    assert_eq!(read.unwrap().programs[0].loads.len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "reading leaves nothing behind");
}

#[test]
fn a_database_can_be_read_while_it_is_written_by_somebody_else() {
    let (folder, path) = folder();
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&batch()).unwrap();
    for suffix in ["", "-wal", "-shm", "-lock"] {
        set_mode(&folder.path().join(format!("t.db{suffix}")), 0o644);
    }
    set_mode(folder.path(), 0o555);
    let read = without_privileges(|| snapshot(&path));
    set_mode(folder.path(), 0o755);
    let snapshot = read.unwrap();
    assert_eq!((snapshot.events, snapshot.unclean_ends), (1, 0));
    writer.write(&batch()).unwrap();
}

#[test]
fn a_log_without_its_index_in_a_folder_that_cannot_be_written() {
    let (folder, path) = folder();
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&batch()).unwrap();
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    for name in ["t.db", "t.db-wal"] {
        fs::copy(folder.path().join(name), copies.join(name)).unwrap();
        set_mode(&copies.join(name), 0o444);
    }
    set_mode(folder.path(), 0o755);
    set_mode(&copies, 0o555);
    let read = without_privileges(|| snapshot(&copies.join("t.db")));
    set_mode(&copies, 0o755);
    let error = read.unwrap_err();
    assert!(matches!(error, Error::Unrecovered { .. }), "{error:?}");
    assert_eq!(snapshot(&copies.join("t.db")).unwrap().events, 1, "where it can be written it can be read");
}
