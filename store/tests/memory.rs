//! What processes held: the latest look at each, the last processes of each role.

mod sample;

use alive_store::model::{Batch, MAX_LOOKS, MemoryFigures, MemoryRow, Program, RoleMemory};
use alive_store::{Writer, snapshot};
use sample::{chain, rebase, role, tree};

fn stored(batches: &[Batch]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    snapshot(&path).unwrap().programs.remove(0)
}

/// A look at a process of the role at `role`, which holds `kib` alone and twice as much with its share.
fn look(role: &[&str], pid: u32, seen_micros: u64, kib: u64) -> MemoryRow {
    let figures = MemoryFigures {
        pss_kib: kib.saturating_mul(2),
        uss_kib: kib,
        private_dirty_kib: kib,
        shared_kib: 7,
        swap_kib: 1,
    };
    MemoryRow {
        tree: tree(1).key,
        chain: chain(role),
        pid,
        start_ticks: 5,
        seen_micros,
        figures: Some(figures),
    }
}

fn looks(memory: Vec<MemoryRow>) -> Batch {
    Batch { trees: vec![tree(1)], memory, ..Batch::default() }
}

fn worker(program: &Program) -> RoleMemory {
    program.roles.iter().find(|role| role.parent.is_some()).map(|role| role.memory).unwrap()
}

#[test]
fn of_each_process_the_latest_look_counts_and_its_largest_is_kept() {
    let program = stored(&[
        looks(vec![look(&["w"], 7, 1_000, 900), look(&["w"], 8, 1_000, 100)]),
        looks(vec![look(&["w"], 7, 2_000, 300)]),
    ]);
    let memory = worker(&program);
    assert_eq!((memory.processes, memory.unreadable, memory.seen_micros), (2, 0, 2_000));
    assert_eq!((memory.sum.private_dirty_kib, memory.sum.pss_kib, memory.sum.swap_kib), (400, 800, 2));
    assert_eq!((memory.max_private_dirty_kib, memory.max_pss_kib, memory.max_uss_kib), (900, 1_800, 900));
    assert_eq!(program.roles[0].memory, RoleMemory::default(), "nobody looked at the master");
}

#[test]
fn a_pid_that_was_given_to_another_process_is_another_process() {
    let later = MemoryRow { start_ticks: 6, ..look(&["w"], 7, 2_000, 300) };
    let memory = worker(&stored(&[looks(vec![look(&["w"], 7, 1_000, 100), later])]));
    assert_eq!((memory.processes, memory.sum.uss_kib), (2, 400));
}

#[test]
fn what_may_not_be_read_is_counted_and_is_no_zero() {
    let unread = |pid| MemoryRow { figures: None, ..look(&["w"], pid, 2_000, 0) };
    let memory = worker(&stored(&[looks(vec![look(&["w"], 7, 1_000, 100), unread(7), unread(8)])]));
    assert_eq!((memory.processes, memory.unreadable), (1, 1));
    assert_eq!((memory.sum.uss_kib, memory.max_uss_kib), (100, 100), "process 7 keeps what was read before");
}

#[test]
fn a_role_keeps_its_last_processes_alone() {
    let all = (0..MAX_LOOKS + 10).map(|pid| look(&["w"], pid, 1_000 + u64::from(pid), u64::from(pid)));
    let memory = worker(&stored(&[looks(all.collect())]));
    assert_eq!(memory.processes, u64::from(MAX_LOOKS));
    let kept: u32 = (10..MAX_LOOKS + 10).sum();
    assert_eq!(memory.sum.uss_kib, u64::from(kept), "the first ten are gone");
}

#[test]
fn an_heir_takes_its_looks_along() {
    let before = Batch {
        roles: vec![role(1, &["x"], 1, 1)],
        ..looks(vec![look(&["x"], 7, 1_000, 100), look(&[], 7, 500, 50), look(&["x", "w"], 8, 1_000, 30)])
    };
    let after = Batch { trees: vec![tree(1)], rebases: vec![rebase(1, &["x"], 1)], ..Batch::default() };
    let program = stored(&[before, after]);
    let master = program.roles[0].memory;
    assert_eq!((master.processes, master.sum.uss_kib), (1, 100), "the later look at it");
    assert_eq!(worker(&program).sum.uss_kib, 30);
}

#[test]
fn figures_that_nobody_can_hold_do_not_keep_a_batch_from_being_written() {
    let memory = worker(&stored(&[looks(vec![look(&["w"], 7, 1, u64::MAX), look(&["w"], 8, 1, u64::MAX)])]));
    assert_eq!(memory.processes, 2);
    assert!(memory.sum.uss_kib > u64::MAX / 4);
}
