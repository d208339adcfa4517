//! From opening to closing: private files, clean and unclean ends.

mod sample;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use alive_store::model::Batch;
use alive_store::{Writer, snapshot};
use sample::tree;

fn batch() -> Batch {
    Batch { trees: vec![tree(1)], events: 1, flushed_micros: 5, ..Batch::default() }
}

#[test]
fn all_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&batch()).unwrap();
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
        })
        .collect();
    names.sort();
    assert_eq!(names, ["t.db", "t.db-lock", "t.db-shm", "t.db-wal"].map(|name| (name.to_owned(), 0o600)));
}

#[test]
fn a_clean_end_leaves_one_file_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&batch()).unwrap();
    assert_eq!(snapshot(&path).unwrap().unclean_ends, 0, "the writer lives");
    writer.close().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(snapshot(&path).unwrap().unclean_ends, 0);
}

#[test]
fn each_run_of_a_writer_tells_from_when_to_when_it_listened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    Writer::open(&path).unwrap().close().unwrap();
    let mut killed = Writer::open(&path).unwrap();
    killed.write(&Batch { flushed_micros: u64::MAX / 4, ..Batch::default() }).unwrap();
    drop(killed);
    let lives = Writer::open(&path).unwrap();
    let epochs = snapshot(&path).unwrap().epochs;
    assert_eq!(epochs.iter().map(|epoch| epoch.is_open).collect::<Vec<_>>(), [false, false, true]);
    assert!(epochs.iter().all(|epoch| epoch.opened_micros > 0 && epoch.until_micros >= epoch.opened_micros));
    assert_eq!(epochs[1].until_micros, u64::MAX / 4, "its last write is the last that is certain");
    lives.close().unwrap();
    assert!(snapshot(&path).unwrap().epochs.iter().all(|epoch| !epoch.is_open));
}

#[test]
fn an_unclean_end_is_counted_also_while_the_next_writer_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    drop(Writer::open(&path).unwrap());
    assert_eq!(snapshot(&path).unwrap().unclean_ends, 1);
    let next = Writer::open(&path).unwrap();
    assert_eq!(snapshot(&path).unwrap().unclean_ends, 1);
    next.close().unwrap();
    assert_eq!(snapshot(&path).unwrap().unclean_ends, 1);
}

#[test]
fn an_empty_file_becomes_a_database_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    Writer::open(&path).unwrap().close().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(snapshot(&path).unwrap().programs.is_empty());
}

#[test]
fn the_file_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    Writer::open(&path).unwrap().close().unwrap();
    let bytes = fs::read(&path).unwrap();
    // The application id as `file` and magic databases find it.
    assert_eq!(&bytes[68..72], b"ALV1");
    assert_eq!(&bytes[60..64], &alive_store::SCHEMA_VERSION.to_be_bytes());
}

#[test]
fn a_generous_umask_does_not_open_the_files() {
    // The umask belongs to the process, so a process of its own has to try.
    let folder = tempfile::tempdir().unwrap();
    for umask in ["000", "022"] {
        let status = Command::new("sh")
            .args(["-c", "umask $0; exec \"$@\"", umask])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "all_files_are_private"])
            .env("TMPDIR", folder.path())
            .status()
            .unwrap();
        assert!(status.success(), "umask {umask}");
    }
}
