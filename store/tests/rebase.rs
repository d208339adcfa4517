//! A daemon's heir is the root, and what it did before it was known to be was start-up.

mod sample;

use alive_store::model::{Batch, LoadRow, Program, Rebase};
use alive_store::{Writer, snapshot};
use sample::{load, missing, rebase, role, stack, tree};

/// Writes each batch and reads the one program back.
fn stored(batches: &[Batch]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    let mut programs = snapshot(&path).unwrap().programs;
    assert_eq!(programs.len(), 1);
    programs.remove(0)
}

/// The program's roles, each as the fork sites down to it and the processes in it.
fn roles(program: &Program) -> Vec<(String, u64)> {
    (0..program.roles.len()).map(|role| (words(program, role), program.roles[role].processes)).collect()
}

fn words(program: &Program, role: usize) -> String {
    let role = &program.roles[role];
    let Some(parent) = role.parent else { return "root".into() };
    let symbol = role.site.as_ref().unwrap().symbol.as_deref().unwrap();
    format!("{} {}", words(program, parent), symbol.trim_end_matches("+0x1"))
}

/// The program's loads: role, file, processes.
fn loads(program: &Program) -> Vec<(String, String, u64)> {
    let mut loads: Vec<_> = program
        .loads
        .iter()
        .map(|load| {
            let path = String::from_utf8(load.path.clone()).unwrap();
            (words(program, load.role), path, load.processes)
        })
        .collect();
    loads.sort();
    loads
}

fn batch() -> Batch {
    Batch { trees: vec![tree(1)], ..Batch::default() }
}

fn owned<const N: usize>(rows: [(&str, &str, u64); N]) -> Vec<(String, String, u64)> {
    rows.map(|(role, path, processes)| (role.into(), path.into(), processes)).into()
}

/// A daemon forked at `x` that forked workers at `w` before it was known to be the heir.
fn daemon() -> Batch {
    Batch {
        roles: vec![role(1, &["x"], 1, 1), role(1, &["x", "w"], 2, 2)],
        loads: vec![
            load(1, &["x"], b"/app.pm"),
            load(1, &["x", "w"], b"/lazy.pm"),
            load(1, &["x", "w"], b"/app.pm"),
        ],
        missing: vec![missing(1, &["x"], b"Early"), missing(1, &["x", "w"], b"Optional")],
        ..batch()
    }
}

#[test]
fn the_heirs_loads_are_the_roots_and_its_workers_hang_from_the_root() {
    let later = Batch { rebases: vec![rebase(1, &["x"], 1)], ..batch() };
    let program = stored(&[daemon(), later]);
    assert_eq!(roles(&program), [("root".into(), 1), ("root w".into(), 2)]);
    assert_eq!(
        loads(&program),
        owned([("root", "/app.pm", 1), ("root w", "/app.pm", 1), ("root w", "/lazy.pm", 1)])
    );
    let searches: Vec<_> =
        program.missing.iter().map(|row| (words(&program, row.role), row.name.clone())).collect();
    assert_eq!(searches, [("root".into(), b"Early".to_vec()), ("root w".into(), b"Optional".to_vec())]);
}

#[test]
fn one_transaction_or_several_make_no_difference() {
    let later = || Batch {
        rebases: vec![rebase(1, &["x"], 1)],
        roles: vec![role(1, &["w"], 4, 3)],
        loads: vec![load(1, &["w"], b"/lazy.pm")],
        ..batch()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    writer.write_all([daemon(), later()]).unwrap();
    writer.close().unwrap();
    let together = snapshot(&path).unwrap().programs.remove(0);
    assert_eq!(roles(&together), [("root".into(), 1), ("root w".into(), 5)]);
    assert_eq!(together, stored(&[daemon(), later()]));
}

#[test]
fn a_worker_forked_where_the_heir_was_is_no_start_up() {
    let heir = Batch { loads: vec![load(1, &["x"], b"/app.pm")], ..batch() };
    let after = Batch {
        rebases: vec![rebase(1, &["x"], 1)],
        roles: vec![role(1, &["x"], 3, 2)],
        loads: vec![load(1, &["x"], b"/lazy.pm")],
        ..batch()
    };
    let program = stored(&[heir, after]);
    assert_eq!(roles(&program), [("root".into(), 1), ("root x".into(), 2)]);
    assert_eq!(loads(&program), owned([("root", "/app.pm", 1), ("root x", "/lazy.pm", 1)]));
}

#[test]
fn a_worker_forked_early_where_the_heir_was_takes_the_heirs_place() {
    let early = Batch {
        roles: vec![role(1, &["x"], 1, 1), role(1, &["x", "x"], 2, 5)],
        loads: vec![load(1, &["x"], b"/app.pm"), load(1, &["x", "x"], b"/lazy.pm")],
        ..batch()
    };
    let program = stored(&[early, Batch { rebases: vec![rebase(1, &["x"], 1)], ..batch() }]);
    assert_eq!(roles(&program), [("root".into(), 1), ("root x".into(), 5)]);
    assert_eq!(loads(&program), owned([("root", "/app.pm", 1), ("root x", "/lazy.pm", 1)]));
}

#[test]
fn roles_that_become_one_are_added_up_with_their_samples() {
    let lines = |role: &[&str], lines: &[u32]| LoadRow {
        stacks: lines.iter().map(|line| stack(b"a.pl", *line)).collect(),
        ..load(1, role, b"/lazy.pm")
    };
    // The root has a role `w` of its own, made after the daemon's, and one below it made before.
    let early = Batch {
        roles: vec![
            role(1, &["x", "w", "inner"], 3, 1),
            role(1, &["x", "w"], 2, 2),
            role(1, &["w", "inner"], 6, 4),
        ],
        loads: vec![
            lines(&["x", "w"], &[1, 2]),
            lines(&["w"], &[2, 3, 4]),
            load(1, &["x", "w", "inner"], b"/deep.pm"),
            load(1, &["w", "inner"], b"/deep.pm"),
        ],
        missing: vec![missing(1, &["x", "w"], b"Optional"), missing(1, &["w"], b"Optional")],
        ..batch()
    };
    let counts = Batch { roles: vec![role(1, &["w"], 5, 8)], ..batch() };
    let program = stored(&[early, counts, Batch { rebases: vec![rebase(1, &["x"], 1)], ..batch() }]);
    assert_eq!(roles(&program), [("root".into(), 1), ("root w".into(), 10), ("root w inner".into(), 5)]);
    assert_eq!(loads(&program), owned([("root w", "/lazy.pm", 2), ("root w inner", "/deep.pm", 2)]));
    assert_eq!(program.missing.len(), 1);
    assert_eq!((program.missing[0].searches, program.missing[0].processes), (2, 2));
    let lazy = program.loads.iter().find(|load| load.path == b"/lazy.pm").unwrap();
    let mut kept: Vec<_> = lazy.stacks.iter().map(|stack| stack.language[0].line).collect();
    kept.sort_unstable();
    assert_eq!(kept, [1, 2, 3]);
}

#[test]
fn a_double_fork_moves_what_is_left_of_the_chain() {
    let early = Batch {
        roles: vec![role(1, &["x", "y", "w"], 3, 2)],
        loads: vec![
            load(1, &["x"], b"/a.pm"),
            load(1, &["x", "y"], b"/b.pm"),
            load(1, &["x", "y", "w"], b"/c.pm"),
        ],
        ..batch()
    };
    let rebases = vec![rebase(1, &["x"], 1), rebase(1, &["y"], 2)];
    let program = stored(&[early, Batch { rebases, ..batch() }]);
    assert_eq!(roles(&program), [("root".into(), 1), ("root w".into(), 2)]);
    assert_eq!(loads(&program), owned([("root", "/a.pm", 1), ("root", "/b.pm", 1), ("root w", "/c.pm", 1)]));
}

#[test]
fn an_heir_of_whom_nothing_is_stored_leaves_no_trace() {
    let rebase = Rebase { number: None, ..rebase(1, &["x"], 1) };
    let program = stored(&[Batch { rebases: vec![rebase], ..batch() }]);
    assert_eq!(roles(&program), [("root".into(), 1)]);
}
