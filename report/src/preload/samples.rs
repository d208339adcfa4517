//! Loads and disks for the tests of the names.

use std::collections::BTreeMap;

use alive_store::model::{LanguageFrame, Load, Program, Role, Snapshot, Stack};

use crate::findings::{Report, Selection};

use super::disk::Disk;

/// Files by path.
#[derive(Debug, Default)]
pub(super) struct Files(pub(super) BTreeMap<Vec<u8>, Vec<u8>>);

impl Files {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec())).collect())
    }
}

impl Disk for Files {
    fn head(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn is_file(&self, path: &[u8]) -> bool {
        self.0.contains_key(path)
    }

    fn is_folder(&self, path: &[u8]) -> bool {
        self.0.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/")))
    }
}

/// A load of a file by two processes.
pub(super) fn load(path: impl AsRef<[u8]>) -> Load {
    Load {
        role: 1,
        path: path.as_ref().to_vec(),
        kind: "module".into(),
        language: "native".into(),
        outcome: "loaded".into(),
        via: "open".into(),
        events: 2,
        processes: 2,
        bytes: 1000,
        ..Load::default()
    }
}

/// The same, asked for by a line.
pub(super) fn asked(mut load: Load, language: &str, file: &str, line: u32, function: &str) -> Load {
    let frame =
        LanguageFrame { language: language.into(), file: file.into(), line, function: function.into() };
    match load.stacks.first_mut() {
        Some(stack) => stack.language.push(frame),
        None => load.stacks.push(Stack { language: vec![frame], native: Vec::new() }),
    }
    load
}

/// A program of a master and its workers that loaded this.
pub(super) fn program(label: &str, workers: u64, loads: Vec<Load>) -> Program {
    let role = |parent, processes| Role { parent, processes, trees: 1, ..Role::default() };
    Program {
        label: label.into(),
        trees: 1,
        roles: vec![role(None, 1), role(Some(0), workers)],
        loads,
        missing: Vec::new(),
        sequence_gaps: 0,
        not_sent: Vec::new(),
        interpreters: Vec::new(),
        lines: Vec::new(),
    }
}

/// The report on programs.
pub(super) fn report(programs: Vec<Program>) -> Report {
    Report::new(Snapshot { programs, ..Snapshot::default() }, &Selection::default())
}
