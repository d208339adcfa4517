//! Programs that processes of a tree execute: counted for the role that does, and dropped where nobody is known.

mod scene;

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::model::{ExecutedRow, Loss};
use alive_wire::header::flags;
use alive_wire::record::{Toll, types};
use alive_wire::{Header, Kind};
use scene::{Folder, Tree, collect, event, now_micros, sender, take};

/// An image of perl that runs `script` and takes 5 ms.
fn ran(kind: Kind, pid: u32, ppid: u32, start_micros: u64, script: &[u8]) -> Vec<u8> {
    let end = kind == Kind::End;
    let header = Header {
        kind: Ok(kind),
        flags: if end { flags::NO_TREE } else { 0 },
        pid,
        ppid,
        root_pid: pid,
        root_start_micros: start_micros,
        sequence: u64::from(!end),
        monotonic_nanos: Moment::now().monotonic_nanos,
        node: 0,
        depth: 0,
    };
    event(header, |encoder| {
        encoder.string(types::PROGRAM, script);
        encoder.string(types::EXECUTABLE, b"/usr/bin/perl");
        encoder.toll(Toll { cpu_nanos: 5_000_000, wall_nanos: 9_000_000, resident_kib: 700 });
    })
}

fn hear(aggregate: &mut Aggregate, datagrams: &[Vec<u8>]) -> Vec<ExecutedRow> {
    for datagram in datagrams {
        aggregate.hear(datagram, Moment::now());
    }
    take(aggregate).map(|batch| batch.executed).unwrap_or_default()
}

#[test]
fn a_run_counts_for_its_parent_or_for_who_forked_the_process_that_became_it() {
    let mut tree = Tree::new(100);
    let mut aggregate = Aggregate::new(now_micros(), []);
    let later = tree.start_micros + 1;
    let mut rows = hear(
        &mut aggregate,
        &[
            tree.start(b"shop"),
            // Of worker 101, by a vfork that nobody tells of; and of the root, which forked 102.
            tree.load(1, b"/lib/Heavy.pm"),
            ran(Kind::End, 900, 101, later, b"cgi.pl"),
            ran(Kind::End, 901, 101, later, b"cgi.pl"),
            tree.load(2, b"/lib/Heavy.pm"),
            ran(Kind::End, 102, 100, later, b"cgi.pl"),
        ],
    );
    rows.sort_by_key(|row| row.chain.len());
    let [root, worker] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((root.chain.len(), root.runs), (0, 1), "{root:?}");
    assert_eq!((worker.chain.len(), worker.runs, worker.cpu_nanos), (1, 2, 10_000_000), "{worker:?}");
    assert_eq!((worker.program.as_slice(), worker.resident_kib), (&b"cgi.pl"[..], 700));
    assert_eq!(aggregate.totals().loss, Loss::default());
}

#[test]
fn whose_parent_is_not_known_leaves_no_trace() {
    let mut aggregate = Aggregate::new(0, []);
    let start = now_micros();
    assert_eq!(hear(&mut aggregate, &[ran(Kind::End, 900, 1, start, b"cgi.pl")]), []);
    assert_eq!(aggregate.totals().loss, Loss::default());
    // Nor one whose parent's pid had another owner then.
    let mut tree = Tree::new(100);
    let earlier = ran(Kind::End, 900, 100, tree.start_micros - 1, b"cgi.pl");
    assert_eq!(hear(&mut aggregate, &[tree.start(b"shop"), earlier]), []);
    let batch = take(&mut aggregate);
    assert_eq!(batch, None);
}

#[test]
fn an_image_that_forks_is_a_program_of_its_own_and_a_run_of_another() {
    let folder = Folder::new();
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        let later = tree.start_micros + 1;
        socket.send(&tree.start(b"shop")).unwrap();
        socket.send(&tree.load(1, b"/lib/Heavy.pm")).unwrap();
        for pid in [900, 901, 902] {
            socket.send(&ran(Kind::Start, pid, 101, later, b"template.pl")).unwrap();
        }
    });
    let programs = folder.snapshot().programs;
    let labels: Vec<_> = programs.iter().map(|program| program.label.as_slice()).collect();
    assert_eq!(labels, [&b"shop"[..], b"template.pl"]);
    let [run] = &programs[0].executed[..] else { panic!("{:?}", programs[0].executed) };
    assert_eq!((run.role, run.runs, run.cpu_nanos), (1, 3, 15_000_000));
    assert_eq!(programs[1].trees, 3);
    assert_eq!(programs[1].executed, []);
}

#[test]
fn runs_of_a_daemon_that_goes_into_the_background_become_the_roots() {
    let folder = Folder::new();
    collect(&folder.options(), |collector| {
        let socket = sender(collector.addresses()[0]);
        let mut tree = Tree::new(100);
        let later = tree.start_micros + 1;
        let mut rebased = tree.clone();
        rebased.sequence = 2;
        socket.send(&tree.start(b"shop")).unwrap();
        socket.send(&tree.load(1, b"/lib/Heavy.pm")).unwrap();
        socket.send(&ran(Kind::End, 900, 101, later, b"cgi.pl")).unwrap();
        // The process of the load is the main one from now on.
        let header = Header { flags: flags::REBASED, ..rebased.header(Kind::Fork, 1) };
        socket.send(&event(header, |encoder| scene::fork_site(encoder, 1))).unwrap();
        socket.send(&ran(Kind::End, 901, 101, later, b"cgi.pl")).unwrap();
    });
    let program = folder.program();
    let [run] = &program.executed[..] else { panic!("{:?}", program.executed) };
    assert_eq!((run.role, run.runs), (0, 2));
    assert_eq!(program.roles.len(), 1, "{:?}", program.roles);
}

/// Ever new programs with long names, each executed by one worker, and each a tree of its own.
#[test]
fn programs_and_trees_that_wait_are_bounded_by_their_names_and_written_in_parts() {
    const PROGRAMS: u64 = 40_000;
    const MOST_BYTES: usize = 24 << 20;
    let mut tree = Tree::new(100);
    let mut aggregate = Aggregate::new(now_micros(), []);
    let worker = [tree.start(b"shop"), tree.load(1, b"/lib/Heavy.pm")];
    worker.iter().for_each(|datagram| aggregate.hear(datagram, Moment::now()));
    for number in 1..=PROGRAMS {
        let script = format!("/{number}/{}", "x".repeat(900));
        let datagram = ran(Kind::Start, 900, 101, tree.start_micros + number, script.as_bytes());
        aggregate.hear(&datagram, Moment::now());
    }

    let pending = aggregate.take().unwrap();
    let (mut trees, mut executed, mut bytes) = (0, 0, 0);
    for batch in pending.batches(0, 100) {
        assert!(batch.trees.len() <= 100 && batch.executed.len() <= 100);
        trees += batch.trees.len();
        executed += batch.executed.len();
        bytes += batch.trees.iter().map(|tree| tree.program.len() + tree.executable.len()).sum::<usize>();
        bytes += batch.executed.iter().map(|run| run.program.len() + run.executable.len()).sum::<usize>();
    }
    let refused = aggregate.totals().loss.over_cap;
    assert!(trees > 1_000 && executed > 1_000, "{trees} trees, {executed} programs");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes wait");
    assert!(refused >= PROGRAMS - u64::try_from(trees).unwrap(), "{refused} of {PROGRAMS} refused");
}
