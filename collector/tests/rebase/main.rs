//! Daemons that put themselves into the background: what they do on the way is start-up.

#[path = "../scene/mod.rs"]
mod scene;
mod told;

use std::collections::HashSet;
use std::fs;

use alive_collector::EventsTarget;
use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::{Writer, snapshot};
use alive_wire::header::flags;
use proptest::prelude::*;
use scene::{Folder, Tree, collect, sender, until};
use told::{AT_THE_SAME_PLACE, EARLY, HEIR, LATE, Link, Told, assert_stored, datagram, lines, stored};

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
    writer.write_all(aggregate.take().unwrap().batches(0, 2)).unwrap();
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
