//! What is dropped, what stays, and what is told of it.

mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use alive_store::model::{Batch, LoadRow, Loss, MAX_TREES, PingRow, TreeRow};
use alive_store::{Retention, Upkeep, Writer, snapshot};
use rusqlite::Connection;
use sample::{load, missing, role, stack, tree};

const DAY: u64 = 86_400_000_000;

const KEEP: Retention =
    Retention { settled_micros: DAY, known_trees: MAX_TREES, max_age_micros: None, max_bytes: None };

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    (folder, path)
}

fn keep_up(writer: &mut Writer, retention: Retention, now: u64) -> Upkeep {
    let mut upkeep = Upkeep::new(retention, now);
    while !upkeep.is_done() {
        writer.keep_up(&mut upkeep).unwrap();
    }
    upkeep
}

fn count(path: &Path, table: &str) -> i64 {
    let query = format!("SELECT count(*) FROM {table}");
    Connection::open(path).unwrap().query_row(&query, [], |row| row.get(0)).unwrap()
}

/// A start of the daemon on a day, whose workers load files of their own and search a name.
fn start(day: u64, files: impl IntoIterator<Item = u64>) -> Batch {
    let pid = u32::try_from(day).unwrap() + 1;
    let seen = |load: LoadRow| LoadRow { first_seen_micros: day * DAY, last_seen_micros: day * DAY, ..load };
    let loads = files.into_iter().map(|file| {
        let path = format!("/srv/releases/{day}/lib/a-module-with-a-name-of-some-length/{file}.pm");
        let line = u32::try_from(file).unwrap();
        seen(LoadRow {
            stacks: vec![stack(format!("/srv/{day}.pl").as_bytes(), line)],
            ..load(pid, &["w"], path.as_bytes())
        })
    });
    Batch {
        trees: vec![TreeRow {
            first_seen_micros: day * DAY,
            last_seen_micros: day * DAY,
            gaps: 2,
            not_sent: vec![("sandbox".into(), 3)],
            ..tree(pid)
        }],
        roles: vec![role(pid, &["w"], 1, 4)],
        loads: loads.collect(),
        missing: vec![missing(pid, &["w"], format!("Name{day}").as_bytes())],
        flushed_micros: day * DAY,
        ..Batch::default()
    }
}

fn tap() -> Batch {
    Batch {
        pings: vec![PingRow {
            name: b"legacy".to_vec(),
            hits: 1,
            last_seen_micros: DAY,
            ..PingRow::default()
        }],
        loss: Loss { kernel_drops: 5, ..Loss::default() },
        ..Batch::default()
    }
}

#[test]
fn what_was_seen_too_long_ago_goes_and_losses_and_taps_stay() {
    let (_folder, path) = file();
    let mut writer = Writer::open(&path).unwrap();
    for day in [10, 11, 50] {
        writer.write(&start(day, 0..3)).unwrap();
    }
    writer.write(&tap()).unwrap();
    let before = snapshot(&path).unwrap();
    assert_eq!(before.dropped_before_micros, None);

    keep_up(&mut writer, Retention { max_age_micros: Some(30 * DAY), ..KEEP }, 60 * DAY);
    let after = snapshot(&path).unwrap();
    let [program] = &after.programs[..] else { panic!("{after:?}") };
    assert!(program.loads.iter().all(|load| load.path.starts_with(b"/srv/releases/50/")), "{program:?}");
    assert_eq!((program.loads.len(), program.missing.len()), (3, 1));
    assert_eq!(program.trees, 1, "the two old starts are gone");
    assert_eq!(after.dropped_before_micros, Some(30 * DAY));
    assert_eq!(after.loss, before.loss, "what was lost stays counted");
    assert_eq!((after.pings, after.epochs.len()), (before.pings, 1));
    assert_eq!(
        ["file", "line", "stack"].map(|table| count(&path, table)),
        [3, 3, 3],
        "nothing refers to more"
    );
    assert_eq!(count(&path, "pragma_foreign_key_check"), 0);

    // One of the old ones speaks again: its numbers go on.
    writer.write(&Batch { trees: start(61, []).trees, ..start(10, [7]) }).unwrap();
    let again = start(10, [7]);
    writer
        .write(&Batch { trees: vec![TreeRow { sequence: 12, gaps: 3, ..again.trees[0].clone() }], ..again })
        .unwrap();
    let spoke = snapshot(&path).unwrap();
    assert_eq!(
        spoke.loss.sequence_gaps,
        before.loss.sequence_gaps + 1 + 2,
        "one more of it, two of another tree"
    );
}

#[test]
fn a_program_that_is_gone_altogether_leaves_only_its_losses() {
    let (_folder, path) = file();
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&start(10, 0..3)).unwrap();
    let before = snapshot(&path).unwrap().loss;
    keep_up(&mut writer, Retention { known_trees: 0, max_age_micros: Some(DAY), ..KEEP }, 60 * DAY);
    keep_up(&mut writer, Retention { known_trees: 0, max_age_micros: Some(DAY), ..KEEP }, 60 * DAY);
    let after = snapshot(&path).unwrap();
    assert_eq!((after.programs.len(), after.loss), (0, before));
    assert_eq!(["tree", "role", "fork", "load", "site", "not_sent"].map(|table| count(&path, table)), [0; 6]);
}

#[test]
fn a_database_that_is_too_large_loses_its_oldest_until_it_fits_and_shrinks() {
    let (_folder, path) = file();
    let mut writer = Writer::open(&path).unwrap();
    for day in 10..50 {
        writer.write(&start(day, 0..250)).unwrap();
    }
    let most = 2 << 20;
    let pages: u64 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
        .unwrap()
        .cast_unsigned();
    assert!(pages * 4_096 > most + most / 2, "{pages} pages");
    let upkeep = keep_up(&mut writer, Retention { max_bytes: Some(most), ..KEEP }, 60 * DAY);
    assert!(!upkeep.is_too_large());
    let told = snapshot(&path).unwrap();
    writer.close().unwrap();
    let size = fs::metadata(&path).unwrap().len();
    // What is free in the file is not given back to the last page.
    assert!(size <= most + (4 << 20), "{size}");
    let days = |day: u64| format!("/srv/releases/{day}/").into_bytes();
    let has = |day| told.programs[0].loads.iter().any(|load| load.path.starts_with(&days(day)));
    assert!(has(49) && !has(10), "the newest stays, the oldest goes");
    let oldest = (10..50).find(|&day| has(day)).unwrap();
    assert!((oldest..50).all(has), "nothing is missing in between");
    assert!(
        told.dropped_before_micros.is_some_and(|before| before > 10 * DAY && before <= (oldest + 1) * DAY)
    );
}

#[test]
fn a_database_without_anything_to_drop_says_that_it_is_too_large() {
    let (_folder, path) = file();
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&tap()).unwrap();
    let upkeep = keep_up(&mut writer, Retention { max_bytes: Some(1), ..KEEP }, 60 * DAY);
    assert!(upkeep.is_too_large());
    assert_eq!(snapshot(&path).unwrap().pings.len(), 1);
}

#[test]
fn a_batch_that_comes_while_unused_places_are_looked_for_keeps_its_own() {
    let (_folder, path) = file();
    let mut writer = Writer::open(&path).unwrap();
    writer.write(&start(10, 0..20)).unwrap();
    // The same places again and again, between any two steps of a round that finds them unused.
    let mut upkeep = Upkeep::new(Retention { max_age_micros: Some(DAY), ..KEEP }, 60 * DAY);
    while !upkeep.is_done() {
        writer.keep_up(&mut upkeep).unwrap();
        let again = start(10, [3, 4]);
        let loads =
            again.loads.iter().map(|load| LoadRow { last_seen_micros: 60 * DAY, ..load.clone() }).collect();
        writer.write(&Batch { loads, ..start(60, [3]) }).unwrap();
        assert_eq!(count(&path, "pragma_foreign_key_check"), 0);
    }
    let loads = &snapshot(&path).unwrap().programs[0].loads;
    assert!(loads.iter().all(|load| load.last_seen_micros >= 59 * DAY), "{loads:?}");
    assert!(loads.iter().any(|load| load.path.starts_with(b"/srv/releases/10/")));
}
