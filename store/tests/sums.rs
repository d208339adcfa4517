//! What is written comes back, added up.

mod sample;

use alive_store::model::{Batch, LoadRow, Loss, MissingRow, PingRow, RoleCount, TreeKey, TreeMark};
use alive_store::{Writer, snapshot};
use sample::{load, missing, role, site, stack, tree};

/// Writes each batch and reads everything back.
fn stored(batches: &[Batch]) -> alive_store::model::Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
    snapshot(&path).unwrap()
}

#[test]
fn a_load_comes_back_as_it_was() {
    let row = LoadRow {
        name: b"Heavy".to_vec(),
        pulled_in_by: b"/lib/a.so".to_vec(),
        nanos: 77,
        respawned: 1,
        spans: 2,
        span_nanos: 3_000,
        span_cpu_nanos: 2_000,
        span_faults: 9,
        bound_nanos: 4_000,
        stacks: vec![stack(b"cart.pl", 42)],
        ..load(1, &["fork_worker"], b"/lib/He\xffavy.pm")
    };
    let roles = vec![RoleCount { fork_nanos: 4_000, resident_kib: 300, ..role(1, &["fork_worker"], 1, 8) }];
    let snapshot = stored(&[Batch {
        trees: vec![tree(1)],
        roles,
        loads: vec![row.clone()],
        datagrams: 3,
        events: 4,
        ..Batch::default()
    }]);

    let [program] = &snapshot.programs[..] else { panic!("one program in {snapshot:?}") };
    assert_eq!(program.label, b"daemon");
    assert_eq!(program.trees, 1);
    assert_eq!(program.roles.len(), 2);
    assert_eq!(program.roles[0].processes, 1);
    assert_eq!(program.roles[1].parent, Some(0));
    assert_eq!(program.roles[1].site, Some(site("fork_worker")));
    assert_eq!((program.roles[1].processes, program.roles[1].trees, program.roles[0].trees), (8, 1, 1));
    assert_eq!((program.roles[1].fork_nanos, program.roles[1].forker_resident_kib), (4_000, 300));
    let [load] = &program.loads[..] else { panic!("one load in {program:?}") };
    assert_eq!((load.role, &load.path, &load.name), (1, &row.key.path, &row.name));
    assert_eq!((&load.kind, &load.language), (&row.key.kind, &row.language));
    assert_eq!((&load.outcome, &load.via), (&row.outcome, &row.via));
    assert_eq!(load.pulled_in_by, row.pulled_in_by);
    assert_eq!((load.events, load.processes, load.bytes, load.nanos), (1, 1, 100, 77));
    assert_eq!((load.respawned, load.spans), (1, 2));
    assert_eq!((load.span_nanos, load.span_cpu_nanos, load.span_faults), (3_000, 2_000, 9));
    assert_eq!(load.bound_nanos, 4_000);
    assert_eq!((load.first_seen_micros, load.last_seen_micros), (1_000, 2_000));
    assert_eq!(load.stacks, row.stacks);
    assert_eq!((snapshot.datagrams, snapshot.events, snapshot.unclean_ends), (3, 4, 0));
}

#[test]
fn sums_add_up_over_batches_and_absolute_figures_never_go_down() {
    let batch = |forks, sequence, gaps, not_sent| Batch {
        trees: vec![sample::TreeRow {
            sequence,
            gaps,
            not_sent: vec![("sandbox".into(), 9), ("send-failed".into(), not_sent)],
            ..tree(1)
        }],
        roles: vec![role(1, &["w"], 1, forks)],
        loads: vec![load(1, &["w"], b"/a.pm")],
        loss: Loss { kernel_drops: 5, ..Loss::default() },
        datagrams: 10,
        ..Batch::default()
    };
    // The last one is late news, as of a sequence that was written already.
    let snapshot = stored(&[batch(3, 10, 4, 1), batch(5, 20, 7, 2), batch(4, 15, 1, 1)]);
    let program = &snapshot.programs[0];
    assert_eq!(program.roles[1].processes, 5);
    assert_eq!((program.loads[0].events, program.loads[0].processes), (3, 3));
    assert_eq!(program.loads[0].bytes, 100);
    assert_eq!(snapshot.loss.kernel_drops, 15);
    assert_eq!(snapshot.datagrams, 30);
    // Seven numbers never came; two of them the kernel refused. What the sandbox stopped had no number.
    assert_eq!(program.sequence_gaps, 5);
    assert_eq!(snapshot.loss.sequence_gaps, 5);
    assert_eq!(program.not_sent, [("sandbox".to_owned(), 9), ("send-failed".to_owned(), 2)]);
    assert_eq!(snapshot.loss.not_sent, 11);
}

#[test]
fn trees_of_one_program_are_added_up_role_by_role() {
    let mut bare = sample::forked_at(None).remove(0);
    bare.site.symbol = None;
    bare.site.build_id = b"another build".to_vec();
    let batch = Batch {
        trees: vec![tree(1), tree(2)],
        roles: vec![
            RoleCount { chain: vec![bare], ..role(1, &["w"], 1, 2) },
            role(2, &["w"], 1, 3),
            role(2, &["w", "inner"], 2, 1),
        ],
        loads: vec![load(1, &["w"], b"/a.pm"), load(2, &["w"], b"/a.pm"), load(2, &["w", "inner"], b"/a.pm")],
        ..Batch::default()
    };
    let snapshot = stored(&[batch]);
    let [program] = &snapshot.programs[..] else { panic!("one program in {snapshot:?}") };
    assert_eq!(program.trees, 2);
    let roles: Vec<_> = program.roles.iter().map(|role| (role.parent, role.processes, role.trees)).collect();
    assert_eq!(roles, [(None, 2, 2), (Some(0), 5, 2), (Some(1), 1, 1)]);
    assert_eq!(program.roles[1].site.as_ref().unwrap().symbol.as_deref(), Some("w+0x1"));
    let loads: Vec<_> = program.loads.iter().map(|load| (load.role, load.processes)).collect();
    assert_eq!(loads, [(1, 2), (2, 1)]);
}

/// A load with figures that differ, for sums.
fn costly(pid: u32) -> LoadRow {
    LoadRow {
        respawned: 1,
        spans: 2,
        span_nanos: 30,
        span_cpu_nanos: 20,
        span_faults: u64::MAX,
        ..load(pid, &["w"], b"/a.pm")
    }
}

#[test]
fn what_a_load_took_adds_up_over_batches_and_trees_and_stops_at_the_largest_number() {
    let batch = |pid, bound_nanos| Batch {
        trees: vec![tree(pid)],
        loads: vec![LoadRow { bound_nanos, ..costly(pid) }],
        ..Batch::default()
    };
    let snapshot = stored(&[batch(1, 0), batch(1, 70), batch(1, 90), batch(1, 0), batch(2, 60), batch(3, 0)]);
    let load = &snapshot.programs[0].loads[0];
    assert_eq!((load.respawned, load.spans, load.span_nanos, load.span_cpu_nanos), (6, 12, 180, 120));
    assert_eq!(load.bound_nanos, 60, "the least; 0 is none");
    assert!(load.span_faults >= i64::MAX.unsigned_abs());
}

#[test]
fn a_tree_without_a_label_is_called_by_its_executable_or_its_pid() {
    let named = |pid, program: &[u8], executable: &[u8]| sample::TreeRow {
        program: program.to_vec(),
        executable: executable.to_vec(),
        ..tree(pid)
    };
    let trees =
        vec![named(1, b"", b"/usr/bin/perl"), named(2, b"", b""), named(3, b"spamd", b"/usr/bin/perl")];
    let snapshot = stored(&[Batch { trees, ..Batch::default() }]);
    let labels: Vec<_> = snapshot.programs.iter().map(|program| program.label.as_slice()).collect();
    assert_eq!(labels, [&b"perl"[..], b"pid 2", b"spamd"]);
}

#[test]
fn a_label_told_once_stays() {
    let silent = sample::TreeRow { program: Vec::new(), executable: Vec::new(), ..tree(1) };
    let first = Batch { trees: vec![tree(1)], ..Batch::default() };
    let later = Batch { trees: vec![silent], ..Batch::default() };
    assert_eq!(stored(&[first, later]).programs[0].label, b"daemon");
}

#[test]
fn the_first_three_distinct_stacks_are_kept() {
    let batch = |line| Batch {
        loads: vec![LoadRow { stacks: vec![stack(b"a.pl", line)], ..load(1, &["w"], b"/a.pm") }],
        ..Batch::default()
    };
    let snapshot = stored(&[batch(1), batch(1), batch(2), batch(3), batch(4)]);
    let lines: Vec<_> =
        snapshot.programs[0].loads[0].stacks.iter().map(|stack| stack.language[0].line).collect();
    assert_eq!(lines, [1, 2, 3]);
}

#[test]
fn missing_names_and_pings_add_up() {
    let missing = MissingRow {
        searches: 2,
        probes: 40,
        stacks: vec![stack(b"b.pl", 7)],
        ..missing(1, &["w"], b"Optional::XS")
    };
    let ping = PingRow {
        name: b"checkout.legacy".to_vec(),
        file: b"cart.pl".to_vec(),
        line: 42,
        hits: 3,
        first_seen_micros: 10,
        last_seen_micros: 20,
    };
    let batch =
        Batch { trees: vec![tree(1)], missing: vec![missing], pings: vec![ping.clone()], ..Batch::default() };
    let snapshot = stored(&[batch.clone(), batch]);
    let found = &snapshot.programs[0].missing[0];
    assert_eq!((found.searches, found.probes, found.processes, found.role), (4, 80, 2, 1));
    assert_eq!(found.stacks, [stack(b"b.pl", 7)]);
    assert_eq!(snapshot.pings, [PingRow { hits: 6, ..ping }]);
}

#[test]
fn forks_add_up_over_the_numbers_of_a_role() {
    let count = |number, forks, fork_nanos, resident_kib| RoleCount {
        fork_nanos,
        resident_kib,
        ..role(1, &["w"], number, forks)
    };
    let batch = |roles| Batch { trees: vec![tree(1)], roles, ..Batch::default() };
    // Old news of number 1 comes last, and a fork that nobody measured yet.
    let snapshot = stored(&[
        batch(vec![count(1, 4, 400, 30)]),
        batch(vec![count(2, 1, 90, 50), count(1, 5, 500, 40)]),
        batch(vec![count(1, 3, 300, 20), count(2, 2, 90, 0)]),
    ]);
    let role = &snapshot.programs[0].roles[1];
    assert_eq!((role.processes, role.fork_nanos, role.forker_resident_kib), (7, 590, 50));
}

#[test]
fn a_name_that_was_found_after_all_is_taken_back() {
    let told = || MissingRow { probes: 9, stacks: vec![stack(b"b.pl", 7)], ..missing(1, &["w"], b"Late") };
    let found = || MissingRow { searches: 0, processes: 0, taken_back: 1, ..missing(1, &["w"], b"Late") };
    let batch = |missing| Batch { trees: vec![tree(1)], missing, ..Batch::default() };
    let left = |batches: &[Batch]| {
        let missing = &stored(batches).programs[0].missing;
        missing.iter().map(|row| (row.searches, row.processes, row.probes)).collect::<Vec<_>>()
    };
    assert_eq!(left(&[batch(vec![told()]), batch(vec![found()])]), []);
    assert_eq!(left(&[batch(vec![told()]), batch(vec![told()]), batch(vec![found()])]), [(1, 1, 9)]);
    let both = || batch(vec![MissingRow { taken_back: 1, ..told() }]);
    assert_eq!(left(&[both()]), [(1, 1, 9)], "what is taken back came before");
    assert_eq!(left(&[batch(vec![told()]), both()]), [(1, 1, 9)]);
    assert_eq!(left(&[batch(vec![found()])]), [], "the event that told it was lost");
    let again = stored(&[batch(vec![told()]), batch(vec![found()]), batch(vec![told()])]);
    let missing = &again.programs[0].missing[0];
    assert_eq!(
        (missing.searches, missing.probes, missing.stacks.len()),
        (1, 9, 1),
        "nothing of before is left"
    );
}

#[test]
fn numbers_beyond_the_columns_are_kept_or_stop_at_the_largest() {
    let key = TreeKey { pid: u32::MAX, start_micros: u64::MAX };
    let mut row = load(1, &["w"], b"/a.pm");
    row.key.tree = key;
    row.key.chain[0].site.offset = u64::MAX - 3;
    row.nanos = u64::MAX;
    row.events = u64::MAX;
    let batch =
        Batch { trees: vec![sample::TreeRow { key, ..tree(1) }], loads: vec![row], ..Batch::default() };
    let snapshot = stored(&[batch.clone(), batch]);
    let program = &snapshot.programs[0];
    assert_eq!(program.roles[1].site.as_ref().unwrap().offset, u64::MAX - 3);
    assert_eq!(program.loads[0].nanos, i64::MAX.unsigned_abs());
    assert_eq!(program.loads[0].events, i64::MAX.unsigned_abs());
}

#[test]
fn a_new_writer_is_told_how_far_each_tree_was_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut writer = Writer::open(&path).unwrap();
    assert!(writer.sequences().unwrap().is_empty());
    let row = sample::TreeRow { sequence: 90, gaps: 6, ..tree(4) };
    let rebases = [7, 3].map(|number| sample::rebase(4, &["x"], number));
    writer.write(&Batch { trees: vec![row], rebases: rebases.into(), ..Batch::default() }).unwrap();
    writer.close().unwrap();
    let marks = Writer::open(&path).unwrap().sequences().unwrap();
    let mark = TreeMark { sequence: 90, gaps: 6, rebased: vec![3, 7] };
    assert_eq!(marks.into_iter().collect::<Vec<_>>(), [(tree(4).key, mark)]);
}
