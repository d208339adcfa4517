//! What processes of a daemon tell, and what is stored of it.

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_store::model::Program;
use alive_store::{Writer, snapshot};
use alive_wire::header::flags;
use alive_wire::record::{Code, Lineage, Module, types};
use alive_wire::{Kind, LanguageStack, Outcome};

use crate::scene::{Folder, PERL, Tree, event};

/// A fork above a process: the tree's number for the role, where it was forked, and how many were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) role: u16,
    pub(crate) site: u64,
    pub(crate) forks: u32,
}

/// The heir, forked by the root at `0x10`.
pub(crate) const HEIR: Link = Link { role: 1, site: 0x10, forks: 1 };
/// A worker that the heir forked at `0x20` before anybody knew that it is the heir.
pub(crate) const EARLY: Link = Link { role: 2, site: 0x20, forks: 3 };
/// One that it forked at the same place afterwards.
pub(crate) const LATE: Link = Link { role: 5, site: 0x20, forks: 2 };
/// One that it forked afterwards where it was forked itself.
pub(crate) const AT_THE_SAME_PLACE: Link = Link { role: 6, site: 0x10, forks: 4 };

/// Something that a process of a lineage tells.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Load(u32, Vec<Link>, &'static str),
    Missing(u32, Vec<Link>, &'static str),
    Found(u32, Vec<Link>, &'static str),
    Rebased(u32, Vec<Link>),
}

pub(crate) fn datagram(tree: &mut Tree, told: &Told) -> Vec<u8> {
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
                line: LanguageStack::NONE,
            });
        }
        encoder.module(&Module { build_id: b"\x01", path: b"/no/such/daemon" });
    })
}

/// What becomes of one thing after the other: cut into batches behind those in `flush`, and the collector
/// started anew behind those in `restart`.
pub(crate) fn stored(all: &[Told], flush: &[usize], restart: &[usize]) -> Program {
    let folder = Folder::new();
    let mut tree = Tree { root_pid: 100, start_micros: 1, sequence: 0 };
    let mut writer = Writer::open(&folder.db()).unwrap();
    let mut aggregate = Aggregate::new(0, []);
    for (index, told) in all.iter().enumerate() {
        aggregate.hear(&datagram(&mut tree, told), Moment { wall_micros: 1_000, monotonic_nanos: 1 });
        let restarts = restart.contains(&index);
        if restarts || flush.contains(&index) {
            writer.write_all(aggregate.take().unwrap().batches(0, 2)).unwrap();
        }
        if restarts {
            writer.close().unwrap();
            writer = Writer::open(&folder.db()).unwrap();
            aggregate = Aggregate::new(0, writer.sequences().unwrap());
        }
    }
    if let Some(pending) = aggregate.take() {
        writer.write_all(pending.batches(0, 2)).unwrap();
    }
    writer.close().unwrap();
    snapshot(&folder.db()).unwrap().programs.remove(0)
}

/// A program as lines of text, sorted: its roles with their forks, its loads, its missing names.
pub(crate) fn lines(program: &Program) -> Vec<String> {
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
pub(crate) fn assert_stored(all: &[Told], expected: &[&str]) {
    let each: Vec<usize> = (0..all.len()).collect();
    assert_eq!(lines(&stored(all, &[], &[])), expected, "in one batch");
    assert_eq!(lines(&stored(all, &each, &[])), expected, "in a batch each");
    assert_eq!(lines(&stored(all, &[], &each)), expected, "with a collector each");
}
