//! Rows are counted by what they are about.

mod sample;

use alive_store::model::{Batch, PingRow};
use alive_store::{Counts, Error, Writer, counts};
use sample::{load, missing, role, tree};

#[test]
fn every_kind_of_row_is_counted_while_a_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    assert_eq!(counts(&path).unwrap(), Counts::default());
    let batch = Batch {
        trees: vec![tree(1), tree(2)],
        roles: vec![role(1, &["spawn"], 1, 3)],
        loads: vec![load(1, &["spawn"], b"/a.pm"), load(1, &["spawn"], b"/b.pm"), load(2, &[], b"/a.pm")],
        missing: vec![missing(1, &["spawn"], b"Optional.pm")],
        pings: vec![PingRow { name: b"tap".to_vec(), hits: 9, ..PingRow::default() }],
        ..Batch::default()
    };
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    let counted = counts(&path).unwrap();
    assert_eq!((counted.trees, counted.loads, counted.missing, counted.taps), (2, 3, 1, 1));
    assert_eq!((counted.roles, counted.executed), (3, 0), "two roots and a worker");
}

#[test]
fn what_cannot_be_read_is_told_as_for_a_report() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(counts(&folder.path().join("no.db")), Err(Error::Missing { .. })));
    assert!(matches!(counts(folder.path()), Err(Error::NotADatabase { .. })));
}
