//! Folding changes the tables and no report: held against whatever a collector may have written.

mod sample;

use std::path::Path;

use alive_store::model::{
    Batch, Bystanders, ExecutedRow, ForkSite, Interpreter, LineCount, LoadRow, MemoryFigures, MemoryRow,
    MissingRow, RoleChain, RoleCount, Snapshot, TreeKey, TreeRow,
};
use alive_store::{Retention, Upkeep, Writer, snapshot};
use proptest::prelude::*;
use rusqlite::Connection;
use sample::{line, load, missing, site, stack, tree};

/// Long after everything.
const LATER: u64 = 1_000_000_000;

const ALL: Retention = Retention { settled_micros: 1, known_trees: 0, max_age_micros: None, max_bytes: None };

/// Something that a tree tells, by what a test may vary.
#[derive(Debug, Clone)]
struct Told {
    tree: u32,
    /// Which of the two programs, or none.
    program: u8,
    role: u8,
    /// Of the role: 0 is not told.
    line: u32,
    /// Build of the module that forks, and whether its symbol is known.
    build: u8,
    file: u8,
    number: u64,
    at: u64,
}

fn told() -> impl Strategy<Value = Told> {
    (0..6u32, 0..4u8, 0..4u8, 0..3u32, 0..4u8, 0..50u64, 1_000..9_000u64).prop_map(
        |(tree, program, role, line, file, number, at)| Told {
            tree,
            program,
            role,
            line,
            // A library may be replaced while its daemon runs.
            build: u8::try_from((tree + u32::from(file)) % 3).unwrap_or(0),
            file,
            number,
            // No two trees spoke last at one time: which was later would be anybody's guess.
            at: at * 8 + u64::from(tree),
        },
    )
}

impl Told {
    fn key(&self) -> TreeKey {
        TreeKey { pid: self.tree, start_micros: 500 }
    }

    fn chain(&self) -> RoleChain {
        let mut place = site("w");
        place.build_id = vec![self.build];
        place.symbol = (self.build > 0).then(|| format!("fork+{}", self.build));
        let worker = ForkSite { site: place, line: (self.line > 0).then(|| line(self.line)) };
        let below = ForkSite { site: site("below"), line: None };
        match self.role {
            0 => Vec::new(),
            1 => vec![worker],
            2 => vec![below],
            _ => vec![worker, below],
        }
    }

    /// One of several words, or none.
    fn word(&self, what: &str) -> String {
        if self.number.is_multiple_of(3) { String::new() } else { format!("{what}{}", self.number % 4) }
    }

    fn batch(&self) -> Batch {
        let (key, chain, number) = (self.key(), self.chain(), self.number);
        let tree = TreeRow {
            key,
            program: ["", "one", "two", "one"][usize::from(self.program)].into(),
            executable: if self.program == 3 { b"/bin/two".to_vec() } else { Vec::new() },
            first_seen_micros: self.at / 2,
            last_seen_micros: self.at,
            sequence: number,
            gaps: number / 2,
            not_sent: vec![("send-failed".into(), number / 3), (self.word("why"), number)],
            interpreters: vec![Interpreter {
                language: "perl".into(),
                version: self.word("v").into(),
                no_lines: number.is_multiple_of(2).then(|| "version".into()),
            }],
            ..tree(self.tree)
        };
        let forks = RoleCount {
            tree: key,
            chain: chain.clone(),
            number: u16::from(self.role) * 8 + u16::try_from(self.line).unwrap() + 1,
            forks: u32::from(self.file) + 1,
            fork_nanos: number,
            resident_kib: self.build.into(),
            bystanders: number.is_multiple_of(2).then(|| Bystanders {
                threads: self.line,
                sockets: self.file.into(),
                most_threads: self.line + 1,
                most_sockets: self.file.into(),
                at_least: self.build == 1,
                thread_names: vec![self.word("thread").into(), b"x".to_vec()],
            }),
        };
        let loaded = LoadRow {
            name: self.word("name").into(),
            language: self.word("language"),
            outcome: ["loaded", "failed", "", "unknown"][usize::from(self.program)].into(),
            via: self.word("via"),
            pulled_in_by: self.word("by").into(),
            events: number,
            bytes: number,
            bound_nanos: number % 5,
            first_seen_micros: self.at / 2,
            last_seen_micros: self.at,
            stacks: vec![stack(b"cart.pl", u32::try_from(number % 7).unwrap())],
            ..load(self.tree, &[], &[b'/', self.file])
        };
        let mut loaded = loaded;
        loaded.key.chain = chain.clone();
        loaded.key.kind = if self.line == 2 { "library" } else { "module" }.into();
        let mut search = MissingRow {
            language: self.word("language"),
            searches: number + 1,
            stacks: vec![stack(b"cart.pl", u32::try_from(number % 5).unwrap())],
            ..missing(self.tree, &[], &[self.file])
        };
        search.chain = chain.clone();
        let figures = MemoryFigures { pss_kib: number, uss_kib: self.at, ..MemoryFigures::default() };
        Batch {
            trees: vec![tree],
            roles: if chain.is_empty() { Vec::new() } else { vec![forks] },
            memory: vec![MemoryRow {
                tree: key,
                chain: chain.clone(),
                pid: self.file.into(),
                start_ticks: 7,
                seen_micros: self.at,
                figures: (self.program > 0).then_some(figures),
            }],
            loads: vec![loaded],
            lines: vec![(
                key,
                LineCount {
                    language: "perl".into(),
                    no_lines: (self.line > 0).then(|| self.word("why")),
                    loads: 1,
                },
            )],
            missing: vec![search],
            executed: vec![ExecutedRow {
                tree: key,
                chain,
                executable: vec![b'/', self.file],
                program: b"p".to_vec(),
                runs: number,
                cpu_nanos: 1,
                wall_nanos: 2,
                resident_kib: self.line,
                first_seen_micros: self.at / 2,
                last_seen_micros: self.at,
            }],
            events: 1,
            flushed_micros: self.at,
            ..Batch::default()
        }
    }
}

/// What is read back, in an order of its own where none is promised.
fn read(path: &Path) -> Snapshot {
    let mut snapshot = snapshot(path).unwrap();
    for program in &mut snapshot.programs {
        program.loads.sort_by_key(|load| (load.role, load.path.clone(), load.kind.clone()));
        program.missing.sort_by_key(|missing| (missing.role, missing.name.clone()));
        program.executed.sort_by_key(|run| (run.role, run.executable.clone()));
    }
    // A writer is there: the time of the look.
    snapshot.until_micros = 0;
    snapshot
}

/// Says where two accounts part: whole ones are too long to read.
fn same(one: &Snapshot, other: &Snapshot) {
    let text = |snapshot: &Snapshot| format!("{snapshot:#?}");
    let (one, other) = (text(one), text(other));
    let parting = one.lines().zip(other.lines()).position(|(one, other)| one != other);
    if let Some(at) = parting {
        let around =
            |text: &str| text.lines().skip(at.saturating_sub(12)).take(16).collect::<Vec<_>>().join("\n");
        panic!("{}\n--- is not ---\n{}", around(&one), around(&other));
    }
    assert_eq!(one.len(), other.len());
}

fn rows(path: &Path, query: &str) -> i64 {
    Connection::open(path).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

fn keep_up(writer: &mut Writer, retention: Retention, each: impl FnMut()) {
    keep_up_in_steps(writer, retention, None, each);
}

/// The same in steps of so many rows.
fn keep_up_in_steps(writer: &mut Writer, retention: Retention, step: Option<u32>, mut each: impl FnMut()) {
    let mut upkeep = Upkeep::new(retention, LATER);
    if let Some(rows) = step {
        upkeep = upkeep.in_steps_of(rows);
    }
    while !upkeep.is_done() {
        writer.keep_up(&mut upkeep).unwrap();
        each();
    }
}

fn write_all(writer: &mut Writer, told: &[Told]) {
    for told in told {
        writer.write(&told.batch()).unwrap();
    }
}

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    (folder, path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_step_of_folding_changes_the_report(
        told in prop::collection::vec(told(), 1..14),
        // Small ones end where nothing else does: between two roles of a tree, or two rows of a role.
        step in prop::option::of(1..24u32),
    ) {
        let (_folder, path) = file();
        let mut writer = Writer::open(&path).unwrap();
        write_all(&mut writer, &told);
        let before = read(&path);
        keep_up_in_steps(&mut writer, ALL, step, || same(&read(&path), &before));
        prop_assert_eq!(rows(&path, "SELECT count(*) FROM tree WHERE state <> 3"), 0, "all are forgotten");
        prop_assert_eq!(rows(&path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
        let once = "SELECT count(*) - count(DISTINCT program) FROM tree";
        prop_assert_eq!(rows(&path, once), 0, "one kept tree of each program");
    }

    #[test]
    fn a_tree_that_speaks_again_goes_on_as_if_it_had_not_been_folded(
        first in prop::collection::vec(told(), 1..10),
        then in prop::collection::vec(told(), 1..10),
    ) {
        // A line that is told late, and a program that is, change what was told before: not what is folded.
        let settled = |told: &Vec<Told>| -> Vec<Told> {
            told.iter().map(|told| Told { line: told.tree % 3, program: if told.tree.is_multiple_of(2) { 1 } else { 2 }, ..told.clone() }).collect()
        };
        let (first, mut then) = (settled(&first), settled(&then));
        then.iter_mut().for_each(|told| told.at += 80_000);
        let retention = Retention { known_trees: u32::MAX, ..ALL };
        let [folded, plain] = [true, false].map(|folds| {
            let (_folder, path) = file();
            let mut writer = Writer::open(&path).unwrap();
            write_all(&mut writer, &first);
            if folds {
                keep_up(&mut writer, retention, || ());
            }
            write_all(&mut writer, &then);
            let marks = writer.sequences().unwrap();
            let read = read(&path);
            (Snapshot { epochs: Vec::new(), ..read }, marks)
        });
        prop_assert_eq!(folded.1, plain.1);
        let stackless = |mut snapshot: Snapshot| {
            // Which samples are the oldest is another question when some were dropped before.
            for program in &mut snapshot.programs {
                program.loads.iter_mut().for_each(|load| load.stacks.clear());
                program.missing.iter_mut().for_each(|missing| missing.stacks.clear());
            }
            snapshot
        };
        same(&stackless(folded.0), &stackless(plain.0));
    }
}

/// Few in an ordinary run; `ALIVE_FOLD_CASES=2000` goes on for longer.
fn cases() -> u32 {
    std::env::var("ALIVE_FOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10)
}
