//! A program's story in one sentence: who loaded how much after the fork, and what to do about it.

use std::collections::{HashMap, HashSet};

use alive_store::model::RoleMemory;

use crate::cost::Cost;
use crate::escape;
use crate::findings::{Finding, ProgramReport, Verdict};
use crate::forest::Node;
use crate::memory;
use crate::render::place::{self, Place};
use crate::render::units::{bytes, count, micros, span};
use crate::taps::Taps;

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
            // Those that took the place of others are processes; workers are so many at a time.
            let is_worker = program.roles.get(role).is_some_and(|role| role.id.starts_with("worker"))
                && late.iter().all(|load| load.respawned == 0);
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
    format!("{who} loaded {files} ({}){between} after the fork; {}.", bytes(size), advice(program))
}

/// What is shared though a forked process loaded it, in one sentence for each role that did.
pub(crate) fn shared(program: &ProgramReport) -> Vec<String> {
    let mut out: Vec<String> = start_up(program).into_iter().collect();
    let mut by_role: HashMap<usize, Vec<&Finding>> = HashMap::new();
    for finding in program.findings.iter().filter(|finding| finding.verdict == Verdict::AlreadyShared) {
        by_role.entry(finding.role).or_default().push(finding);
    }
    for (index, role) in program.roles.iter().enumerate().filter(|(_, role)| role.parent.is_some()) {
        let Some(findings) = by_role.get(&index) else { continue };
        let by = findings.iter().map(|finding| finding.shared_by).max().unwrap_or(0);
        let (files, size) = findings.iter().fold((0u64, 0u64), |(files, size), finding| {
            (files.saturating_add(finding.cost.files), size.saturating_add(finding.cost.bytes))
        });
        out.push(format!(
            "{} ({}) loaded in the {}, from which {} forked that did not load {} again.",
            count(files, "file"),
            bytes(size),
            role.id,
            if by == 1 { "1 process was".to_owned() } else { format!("{} were", count(by, "process")) },
            if files == 1 { "it" } else { "them" },
        ));
    }
    out
}

/// What counts as start-up though a forked process loaded it, in one sentence; `None` when nothing does.
fn start_up(program: &ProgramReport) -> Option<String> {
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

/// The taps in one sentence; `None` where none was hit.
pub(crate) fn taps(taps: &Taps) -> Option<String> {
    let longest = taps.taps.first()?;
    let places = count(taps.taps.len() as u64, "place");
    let name = escape::terminal(&longest.name);
    let silence = span(longest.silent_micros(taps.now_micros));
    Some(format!("Taps were hit at {places}; {name} is silent for longest, for {silence}: see `alive taps`."))
}

/// The places where something should be preloaded, the one with most to gain first.
pub(crate) fn places(program: &ProgramReport) -> Vec<Place> {
    let mut order: Vec<Place> = Vec::new();
    let mut scores: HashMap<Place, u64> = HashMap::new();
    for finding in program.findings.iter().filter(|finding| finding.verdict == Verdict::Preload) {
        let place = (finding.load_in, finding.load_before);
        let score = scores.entry(place).or_insert_with(|| {
            order.push(place);
            0
        });
        *score = score.saturating_add(finding.cost.score);
    }
    // Stable: among equals the one whose finding comes first.
    order.sort_by_key(|place| std::cmp::Reverse(scores.get(place).copied().unwrap_or(0)));
    order
}

/// Most names in a sentence.
const NAMES: usize = 2;

/// What to do, in half a sentence.
fn advice(program: &ProgramReport) -> String {
    let places = places(program);
    let Some(&best) = places.first() else { return "none is common or slow enough to preload".to_owned() };
    let here: Vec<&Finding> = program
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Preload)
        .filter(|finding| (finding.load_in, finding.load_before) == best)
        .filter(|finding| !finding.is_repeated_below)
        .collect();
    let names: Vec<String> = here.iter().take(NAMES).map(|finding| place::called(&finding.what)).collect();
    let names = match here.len().saturating_sub(names.len()) {
        0 => names.join(" and "),
        more => format!("{} and {more} more of the lines below", names.join(", ")),
    };
    let place = place::in_words(program, best).map(|place| format!(" {place}")).unwrap_or_default();
    let elsewhere = match places.len() {
        1 => "",
        _ => "; the other lines say where they belong",
    };
    format!("preload {names}{place}: {}{elsewhere}", worth(program, &here))
}

/// What a process spends on all that these bring, each file counted once.
fn worth(program: &ProgramReport, findings: &[&Finding]) -> String {
    let mut seen = HashSet::new();
    let loads = findings.iter().filter_map(|finding| finding.tree.as_ref()).flat_map(Node::loads);
    let cost = loads
        .filter(|&index| program.loads.get(index).is_some_and(|load| seen.insert(load.path.as_slice())))
        .fold(Cost::default(), |sum, index| sum.plus(program.costs.own(index)));
    let memory = format!("about {} of private memory", bytes(cost.private_kib.saturating_mul(1024)));
    let roots = findings.len() as u64;
    let files = count(cost.files, "file");
    let what = if roots == cost.files { files } else { format!("{} ({files})", count(roots, "root load")) };
    let mut worth = vec![what, memory];
    if cost.micros > 0 {
        let about = if cost.is_estimate { "about " } else { "" };
        worth.push(format!("{about}{}", micros(cost.micros)));
    }
    let last = worth.pop().unwrap_or_default();
    format!("{} and {last} in each process that loads them", worth.join(", "))
}
