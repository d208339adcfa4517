//! A program's story in one sentence: who loaded how much after the fork, and what to do about it.

use std::collections::HashSet;

use alive_store::model::RoleMemory;

use crate::findings::{Finding, ProgramReport, Verdict};
use crate::forest::Node;
use crate::memory;
use crate::render::units::{bytes, count};

/// What happened, in one sentence.
pub(crate) fn sentence(program: &ProgramReport) -> String {
    let late: Vec<_> = program.late().collect();
    if late.is_empty() {
        let forked: u64 =
            program.roles.iter().filter(|role| role.parent.is_some()).map(|role| role.processes).sum();
        return match forked {
            0 => "no worker was forked, and nothing was loaded late.".to_owned(),
            _ => format!("{} loaded nothing after the fork.", count(forked, "forked process")),
        };
    }
    let roles: HashSet<usize> = late.iter().map(|load| load.role).collect();
    let who = match roles.iter().next() {
        Some(&role) if roles.len() == 1 => {
            // No sum tells how many loaded anything at all, but the busiest file is a lower bound.
            let spoke = late.iter().map(|load| load.processes).max().unwrap_or(0);
            let of = program.roles.get(role).map_or(spoke, |role| role.processes.max(spoke));
            let is_worker = program.roles.get(role).is_some_and(|role| role.id.starts_with("worker"));
            let noun = if is_worker { "worker" } else { "process" };
            if spoke == of { count(of, noun) } else { format!("at least {spoke} of {}", count(of, noun)) }
        }
        _ => format!("processes of {}", count(roles.len() as u64, "role")),
    };
    let mut seen = HashSet::new();
    let distinct = late.iter().filter(|load| seen.insert(load.path.as_slice()));
    let size = distinct.fold(0u64, |size, load| size.saturating_add(load.bytes));
    let files = count(seen.len() as u64, "file");
    let most = late.iter().map(|load| load.processes).max().unwrap_or(0);
    let shared_out = late.iter().any(|load| load.processes < most);
    let between = if shared_out { " between them" } else { "" };
    format!(
        "{who} loaded {files} ({}){between} after the fork; {}.",
        bytes(size),
        advice(program, seen.len())
    )
}

/// What counts as start-up though a forked process loaded it, in one sentence; `None` when nothing does.
pub(crate) fn start_up(program: &ProgramReport) -> Option<String> {
    let mut seen = HashSet::new();
    let distinct = program.start_up().filter(|load| seen.insert(load.path.as_slice()));
    let size = distinct.fold(0u64, |size, load| size.saturating_add(load.bytes));
    let files = match seen.len() {
        0 => return None,
        number => count(number as u64, "file"),
    };
    let size = bytes(size);
    Some(format!("{files} ({size}) loaded on the way into the background: relabelled as start-up, not late."))
}

/// What the processes of a role held; `None` when nobody looked.
pub(crate) fn memory(memory: &RoleMemory) -> Option<String> {
    let size = |kib: u64| bytes(kib.saturating_mul(1024));
    let unreadable = match memory.unreadable {
        0 => None,
        number => Some(format!("{} may not be read: collect as root", count(number, "process"))),
    };
    let Some(mean) = memory::mean(memory) else {
        return unreadable.map(|text| format!("memory not known: {text}"));
    };
    let of = match memory.processes {
        1 => "1 process".to_owned(),
        number => format!("mean of {number} processes"),
    };
    let private = size(mean.private_dirty_kib);
    let text = format!("private {private}, PSS {} ({of})", size(mean.pss_kib));
    Some(unreadable.map_or(text.clone(), |unreadable| format!("{text}; {unreadable}")))
}

/// What to do, in half a sentence.
fn advice(program: &ProgramReport, files: usize) -> String {
    let preload: Vec<&Finding> =
        program.findings.iter().filter(|finding| finding.verdict == Verdict::Preload).collect();
    let paths: HashSet<&[u8]> = preload
        .iter()
        .filter_map(|finding| finding.tree.as_ref())
        .flat_map(Node::loads)
        .filter_map(|index| program.loads.get(index))
        .map(|load| load.path.as_slice())
        .collect();
    if paths.is_empty() {
        return "none is common or slow enough to preload".to_owned();
    }
    let places: HashSet<Option<usize>> = preload.iter().map(|finding| finding.load_in).collect();
    let place = match places.iter().next() {
        Some(&Some(place)) if places.len() == 1 => {
            program.roles.get(place).map(|role| format!(" in the {}", role.id)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let causes = count(preload.len() as u64, "line");
    let brought =
        if preload.len() < paths.len() { format!(" ({causes} below bring them)") } else { String::new() };
    match paths.len() {
        1 if files == 1 => format!("preload it{place}"),
        number if number == files => format!("preload them all{place}{brought}"),
        number => format!("preload {number} of them{place}{brought}"),
    }
}
