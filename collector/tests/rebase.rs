//! Daemons that put themselves into the background: what they do on the way is start-up.

mod scene;

use std::collections::HashSet;
use std::fs;

use alive_collector::EventsTarget;
use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::model::Program;
use alive_store::{Writer, snapshot};
use alive_wire::header::flags;
use alive_wire::record::{Code, Lineage, Module, types};
use alive_wire::{Kind, Outcome};
use proptest::prelude::*;
use scene::{Folder, PERL, Tree, collect, event, sender, until};

/// A fork above a process: the tree's number for the role, where it was forked, and how many were.
#[derive(Debug, Clone, Copy)]
struct Link {
    role: u16,
    site: u64,
    forks: u32,
}

/// The heir, forked by the root at `0x10`.
const HEIR: Link = Link { role: 1, site: 0x10, forks: 1 };
/// A worker that the heir forked at `0x20` before anybody knew that it is the heir.
const EARLY: Link = Link { role: 2, site: 0x20, forks: 3 };
/// One that it forked at the same place afterwards.
const LATE: Link = Link { role: 5, site: 0x20, forks: 2 };
/// One that it forked afterwards where it was forked itself.
const AT_THE_SAME_PLACE: Link = Link { role: 6, site: 0x10, forks: 4 };

/// Something that a process of a lineage tells.
#[derive(Debug, Clone)]
enum Told {
    Load(u32, Vec<Link>, &'static str),
    Missing(u32, Vec<Link>, &'static str),
    Found(u32, Vec<Link>, &'static str),
    Rebased(u32, Vec<Link>),
}

fn datagram(tree: &mut Tree, told: &Told) -> Vec<u8> {
    let (kind, node, links) = match told {
        Told::Load(node, links, _) => (Kind::Load, *node, links),
        Told::Missing(node, links, _) | Told::Found(node, links, _) => (Kind::Missing, *node, links),
        Told::Rebased(node, links) => (Kind::Fork, *node, links),
    };
    let mut header = tree.header(kind, node);
    header.depth = u16::try_from(links.len()).unwrap();
    if matches!(told, Told::Rebased(..)) {
        header.flags |= flags::REBASED;
        // Whoever tells of it may be a worker further down.
        header.depth += 1;
    }
    event(header, |encoder| {
        encoder.string(types::PROGRAM, b"shop");
        match told {
            Told::Load(_, _, path) => {
                encoder.string(types::PATH, path.as_bytes());
                encoder.code(PERL);
            }
            Told::Missing(_, _, name) => {
                encoder.string(types::NAME, name.as_bytes());
                encoder.code(Code { outcome: Some(Outcome::Failed), ..PERL });
                encoder.search(4);
            }
            Told::Found(_, _, name) => {
                encoder.string(types::NAME, name.as_bytes());
                encoder.code(Code { language: None, ..PERL });
            }
            Told::Rebased(..) => {}
        }
        for link in links {
            encoder.lineage(&Lineage {
                role: link.role,
                forks: link.forks,
                ordinal: 1,
                forker_pid: 1,
                module: 0,
                offset: link.site,
                fork_nanos: u64::from(link.forks) * 1_000,
                resident_kib: 40 + link.forks,
            });
        }
        encoder.module(&Module { build_id: b"\x01", path: b"/no/such/daemon" });
    })
}

/// What becomes of one thing after the other: cut into batches behind those in `flush`, and the collector
/// started anew behind those in `restart`.
fn stored(all: &[Told], flush: &[usize], restart: &[usize]) -> Program {
    let folder = Folder::new();
    let mut tree = Tree { root_pid: 100, start_micros: 1, sequence: 0 };
    let mut writer = Writer::open(&folder.db()).unwrap();
    let mut aggregate = Aggregate::new(0, []);
    for (index, told) in all.iter().enumerate() {
        aggregate.hear(&datagram(&mut tree, told), Moment { wall_micros: 1_000, monotonic_nanos: 1 });
        let restarts = restart.contains(&index);
        if restarts || flush.contains(&index) {
            writer.write(&aggregate.take().unwrap().into_batch(0)).unwrap();
        }
        if restarts {
            writer.close().unwrap();
            writer = Writer::open(&folder.db()).unwrap();
            aggregate = Aggregate::new(0, writer.sequences().unwrap());
        }
    }
    if let Some(pending) = aggregate.take() {
        writer.write(&pending.into_batch(0)).unwrap();
    }
    writer.close().unwrap();
    snapshot(&folder.db()).unwrap().programs.remove(0)
}

/// A program as lines of text, sorted: its roles with their forks, its loads, its missing names.
fn lines(program: &Program) -> Vec<String> {
    let role = |index: usize| {
        let mut words = String::new();
        let mut at = &program.roles[index];
        while let Some(parent) = at.parent {
            words = format!("/{:x}{words}", at.site.as_ref().unwrap().offset);
            at = &program.roles[parent];
        }
        if words.is_empty() { "root".to_owned() } else { words }
    };
    let mut lines: Vec<_> = (0..program.roles.len())
        .map(|index| {
            let at = &program.roles[index];
            format!(
                "{} forks {} nanos {} kib {}",
                role(index),
                at.processes,
                at.fork_nanos,
                at.forker_resident_kib
            )
        })
        .collect();
    for load in &program.loads {
        lines.push(format!(
            "{} loads {} k {} events {}",
            role(load.role),
            String::from_utf8_lossy(&load.path),
            load.processes,
            load.events
        ));
    }
    for missing in &program.missing {
        lines.push(format!(
            "{} misses {} k {} searches {}",
            role(missing.role),
            String::from_utf8_lossy(&missing.name),
            missing.processes,
            missing.searches
        ));
    }
    lines.sort();
    lines
}

/// All in one batch, a batch for each event, and a collector for each event.
#[track_caller]
fn assert_stored(all: &[Told], expected: &[&str]) {
    let each: Vec<usize> = (0..all.len()).collect();
    assert_eq!(lines(&stored(all, &[], &[])), expected, "in one batch");
    assert_eq!(lines(&stored(all, &each, &[])), expected, "in a batch each");
    assert_eq!(lines(&stored(all, &[], &each)), expected, "with a collector each");
}

#[test]
fn a_heirs_loads_are_start_up_and_its_workers_loads_are_not() {
    let all = [
        Told::Load(1, vec![HEIR], "/app.pm"),
        Told::Missing(1, vec![HEIR], "Early"),
        Told::Load(2, vec![HEIR, EARLY], "/lazy.pm"),
        // The worker speaks for its master.
        Told::Rebased(2, vec![HEIR]),
        // Forked before the rebase, it goes on telling the old lineage, also of what it loads again.
        Told::Load(2, vec![HEIR, EARLY], "/lazy.pm"),
        Told::Load(3, vec![HEIR, EARLY], "/lazy.pm"),
        Told::Load(4, vec![LATE], "/lazy.pm"),
    ];
    let in_one_run = [
        "/20 forks 5 nanos 5000 kib 42",
        "/20 loads /lazy.pm k 3 events 4",
        "root forks 1 nanos 0 kib 0",
        "root loads /app.pm k 1 events 1",
        "root misses Early k 1 searches 1",
    ];
    let each: Vec<usize> = (0..all.len()).collect();
    assert_eq!(lines(&stored(&all, &[], &[])), in_one_run);
    assert_eq!(lines(&stored(&all, &each, &[])), in_one_run);
    // Which process told what before is not kept over a restart, so one of them counts twice there.
    let after_restarts = lines(&stored(&all, &[], &each));
    assert_eq!(after_restarts[1], "/20 loads /lazy.pm k 4 events 4");
    assert_eq!(after_restarts[2..], in_one_run[2..]);
}

#[test]
fn workers_forked_where_the_heir_was_are_not_taken_for_it() {
    let early = Link { role: 2, site: HEIR.site, forks: 1 };
    assert_stored(
        &[
            Told::Load(1, vec![HEIR], "/app.pm"),
            Told::Load(2, vec![HEIR, early], "/lazy.pm"),
            Told::Rebased(1, vec![HEIR]),
            Told::Load(3, vec![AT_THE_SAME_PLACE], "/lazy.pm"),
            Told::Load(2, vec![HEIR, early], "/more.pm"),
        ],
        &[
            "/10 forks 5 nanos 5000 kib 44",
            "/10 loads /lazy.pm k 2 events 2",
            "/10 loads /more.pm k 1 events 1",
            "root forks 1 nanos 0 kib 0",
            "root loads /app.pm k 1 events 1",
        ],
    );
}

#[test]
fn a_double_fork_is_start_up_to_its_end() {
    let second = Link { role: 3, site: 0x30, forks: 1 };
    let worker = Link { role: 4, site: 0x20, forks: 2 };
    assert_stored(
        &[
            Told::Load(1, vec![HEIR], "/first.pm"),
            Told::Load(2, vec![HEIR, second], "/second.pm"),
            Told::Load(3, vec![HEIR, second, worker], "/lazy.pm"),
            Told::Rebased(3, vec![HEIR]),
            // It tells the whole old lineage, of which a part is cut by now.
            Told::Rebased(2, vec![HEIR, second]),
            Told::Rebased(2, vec![HEIR, second]),
            Told::Load(4, vec![HEIR, second, worker], "/lazy.pm"),
            Told::Load(2, vec![HEIR, second], "/third.pm"),
        ],
        &[
            "/20 forks 2 nanos 2000 kib 42",
            "/20 loads /lazy.pm k 2 events 2",
            "root forks 1 nanos 0 kib 0",
            "root loads /first.pm k 1 events 1",
            "root loads /second.pm k 1 events 1",
            "root loads /third.pm k 1 events 1",
        ],
    );
}

#[test]
fn one_of_several_workers_is_no_heir() {
    let worker = Link { role: 1, site: 0x10, forks: 3 };
    assert_stored(
        &[
            Told::Load(1, vec![worker], "/lazy.pm"),
            Told::Load(2, vec![worker], "/lazy.pm"),
            // The master was killed, and the first of them takes itself for its heir.
            Told::Rebased(1, vec![worker]),
            Told::Load(3, vec![worker], "/lazy.pm"),
        ],
        &["/10 forks 3 nanos 3000 kib 43", "/10 loads /lazy.pm k 3 events 3", "root forks 1 nanos 0 kib 0"],
    );
}

#[test]
fn what_is_found_after_all_is_taken_back_wherever_it_was_told() {
    assert_stored(
        &[
            Told::Missing(2, vec![HEIR, EARLY], "Late"),
            Told::Missing(3, vec![HEIR, EARLY], "Late"),
            Told::Missing(2, vec![HEIR, EARLY], "Gone"),
            Told::Rebased(2, vec![HEIR]),
            Told::Found(2, vec![HEIR, EARLY], "Late"),
            Told::Found(2, vec![HEIR, EARLY], "Gone"),
            Told::Found(3, vec![HEIR, EARLY], "Never/told"),
        ],
        &["/20 forks 3 nanos 3000 kib 43", "/20 misses Late k 1 searches 1", "root forks 1 nanos 0 kib 0"],
    );
}

#[test]
fn a_process_that_takes_back_and_misses_again_is_counted_again() {
    let missing = || Told::Missing(2, vec![EARLY], "Fickle");
    assert_stored(
        &[missing(), Told::Found(2, vec![EARLY], "Fickle"), missing()],
        &["/20 forks 3 nanos 3000 kib 43", "/20 misses Fickle k 1 searches 1", "root forks 1 nanos 0 kib 0"],
    );
}

#[test]
fn a_running_collector_and_its_events_file_follow_a_rebase_over_a_restart() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.events = Some(EventsTarget::File(folder.events()));
    let mut tree = Tree::new(100);
    collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&datagram(&mut tree, &Told::Load(1, vec![HEIR], "/app.pm"))).unwrap();
        until("the first flush", || snapshot(&folder.db()).unwrap().events == 1);
        socket.send(&datagram(&mut tree, &Told::Rebased(1, vec![HEIR]))).unwrap();
        socket.send(&datagram(&mut tree, &Told::Load(1, vec![HEIR], "/app.pm"))).unwrap();
    });
    collect(&options, |collector| {
        let socket = sender(collector.addresses()[0]);
        socket.send(&datagram(&mut tree, &Told::Load(2, vec![HEIR, EARLY], "/lazy.pm"))).unwrap();
        socket.send(&datagram(&mut tree, &Told::Found(2, vec![HEIR, EARLY], "Late"))).unwrap();
    });
    assert_eq!(
        lines(&folder.program()),
        [
            "/20 forks 3 nanos 3000 kib 43",
            "/20 loads /lazy.pm k 1 events 1",
            "root forks 1 nanos 0 kib 0",
            "root loads /app.pm k 1 events 2",
        ]
    );
    let text = fs::read_to_string(folder.events()).unwrap();
    let told: Vec<_> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {} {}", line["event"], line["outcome"], line["depth"], line["role"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        told,
        [
            "load loaded 1 worker forked at daemon+0x10",
            "load loaded 0 master",
            "load loaded 1 worker forked at daemon+0x20",
            "missing loaded 1 worker forked at daemon+0x20",
        ]
    );
}

#[test]
fn processes_that_number_roles_for_themselves_are_moved_once() {
    let mut tree = Tree::new(100);
    let mut aggregate = Aggregate::new(0, []);
    // Another process may give the number 1 to a role that has nothing to do with the heir's.
    let stranger = Link { site: 0x90, ..HEIR };
    for told in [
        Told::Load(1, vec![HEIR], "/app.pm"),
        Told::Rebased(1, vec![HEIR]),
        Told::Load(2, vec![stranger], "/lazy.pm"),
    ] {
        let mut bytes = datagram(&mut tree, &told);
        let set = u16::from_le_bytes([bytes[10], bytes[11]]) | flags::NO_TREE;
        bytes[10..12].copy_from_slice(&set.to_le_bytes());
        aggregate.hear(&bytes, Moment { wall_micros: 1_000, monotonic_nanos: 1 });
    }
    let folder = Folder::new();
    let mut writer = Writer::open(&folder.db()).unwrap();
    writer.write(&aggregate.take().unwrap().into_batch(0)).unwrap();
    writer.close().unwrap();
    assert_eq!(
        lines(&folder.program()),
        [
            "/90 forks 1 nanos 1000 kib 41",
            "/90 loads /lazy.pm k 1 events 1",
            "root forks 1 nanos 0 kib 0",
            "root loads /app.pm k 1 events 1",
        ]
    );
}

/// What a tree with a double fork may tell, in any order that a rebase allows.
fn told() -> impl Strategy<Value = Told> {
    let second = Link { role: 3, site: 0x10, forks: 1 };
    let inner = Link { role: 4, site: 0x20, forks: 6 };
    let lineage = prop::sample::select(vec![
        vec![HEIR],
        vec![HEIR, EARLY],
        vec![HEIR, second],
        vec![HEIR, second, inner],
        vec![LATE],
        vec![AT_THE_SAME_PLACE],
    ]);
    let path = prop::sample::select(vec!["/a.pm", "/b.pm"]);
    let heir = prop::sample::select(vec![vec![HEIR], vec![HEIR, second]]);
    prop_oneof![
        6 => (lineage.clone(), path.clone()).prop_map(|(links, path)| Told::Load(node(&links), links, path)),
        2 => (lineage.clone(), path.clone()).prop_map(|(links, name)| Told::Missing(node(&links), links, name)),
        1 => (lineage, path).prop_map(|(links, name)| Told::Found(node(&links), links, name)),
        1 => heir.prop_map(|links| Told::Rebased(node(&links), links)),
    ]
}

/// One process of each lineage.
fn node(links: &[Link]) -> u32 {
    links.last().map_or(0, |link| u32::from(link.role))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Where the batches are cut changes nothing.
    #[test]
    fn the_order_of_events_counts_and_not_that_of_flushes(
        mut all in prop::collection::vec(told(), 1..24),
        cuts in prop::collection::vec(0usize..24, 0..6),
    ) {
        // A process tells of a name once, until it has found it.
        let mut misses = HashSet::new();
        all.retain(|told| match told {
            Told::Missing(node, _, name) => misses.insert((*node, *name)),
            Told::Found(node, _, name) => {
                misses.remove(&(*node, *name));
                true
            }
            Told::Load(..) | Told::Rebased(..) => true,
        });
        let each: Vec<usize> = (0..all.len()).collect();
        let whole = lines(&stored(&all, &[], &[]));
        prop_assert_eq!(&whole, &lines(&stored(&all, &each, &[])));
        prop_assert_eq!(&whole, &lines(&stored(&all, &cuts, &[])));
    }
}
