//! What goes into a list, in the order in which the workers needed it, and what does not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use alive_store::model::Missing;

use crate::caller::{self, Caller};
use crate::escape;
use crate::findings::{Finding, ProgramReport, Verdict};
use crate::forest::Node;
use crate::thresholds::Thresholds;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, Share, What, Wish};

/// The lines of a list for one program.
#[derive(Debug)]
pub(super) struct Choice {
    /// What was needed first stands first.
    pub(super) entries: Vec<Entry>,
    /// Indices of the roles that loaded it.
    pub(super) loaded_by: Vec<usize>,
    /// Indices of the roles that should load it.
    pub(super) load_in: Vec<usize>,
    /// Names that are not in the list, by the reason.
    left_out: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Most names told of one reason.
const NAMES_SHOWN: usize = 4;

impl Choice {
    /// How much was left out, by the reason.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.left_out.iter().map(|(reason, names)| (*reason, names.len()))
    }

    /// What was left out, a line for each reason, ready to show.
    pub(super) fn reasons(&self) -> Vec<String> {
        let line = |(reason, names): (&&str, &BTreeSet<String>)| {
            let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match names.len().saturating_sub(NAMES_SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("Left out ({reason}): {shown}{more}")
        };
        self.left_out.iter().map(line).collect()
    }
}

/// Takes from a program's findings what the dialect can load.
pub(super) fn choose(
    program: &ProgramReport,
    dialect: &dyn Dialect,
    wish: &Wish,
    disk: &dyn Disk,
    thresholds: Thresholds,
) -> Choice {
    let mut choosing = Choosing {
        program,
        dialect,
        disk,
        thresholds,
        found: Vec::new(),
        left_out: BTreeMap::new(),
        others: HashSet::new(),
        names: RefCell::new(HashMap::new()),
        processes: HashMap::new(),
    };
    let of_role = |finding: &&Finding| {
        wish.role.as_ref().is_none_or(|role| {
            program.roles.get(finding.role).is_some_and(|of_finding| of_finding.id == *role)
        })
    };
    for finding in program.findings.iter().filter(of_role) {
        choosing.count(finding);
    }
    for finding in program.findings.iter().filter(of_role) {
        choosing.take(finding, wish.all);
    }
    choosing.end()
}

/// An entry on its way.
struct Found<'a> {
    first_seen_micros: u64,
    path: &'a [u8],
    what: What,
    finding: &'a Finding,
    /// Index of the load.
    load: usize,
}

struct Choosing<'a> {
    program: &'a ProgramReport,
    dialect: &'a dyn Dialect,
    disk: &'a dyn Disk,
    thresholds: Thresholds,
    found: Vec<Found<'a>>,
    left_out: BTreeMap<&'static str, BTreeSet<String>>,
    /// Files that are for other lists.
    others: HashSet<&'a [u8]>,
    /// Names of loads, by index.
    names: RefCell<HashMap<usize, Naming>>,
    /// Processes of a role that loaded what has a name.
    processes: HashMap<(usize, Naming), u64>,
}

impl<'a> Choosing<'a> {
    fn take(&mut self, finding: &'a Finding, all: bool) {
        let Some(tree) = &finding.tree else {
            let ours = |search: &&Missing| search.name == finding.what && search.role == finding.role;
            let search = self.program.missing.iter().find(ours);
            if search.is_some_and(|search| search.language == self.dialect.language()) {
                self.leave("optional, searched for and never found", &finding.what);
            }
            return;
        };
        match finding.verdict {
            Verdict::Preload => self.walk(finding, tree),
            Verdict::LeaveLazy
                if all || self.dialect.share() == Share::Any || self.is_common(finding, tree) =>
            {
                self.walk(finding, tree);
            }
            Verdict::LeaveLazy => self.leave_ours("few workers load it; --all takes it in", tree),
            _ => self.leave_ours("already shared", tree),
        }
    }

    /// What the dialect calls a load. To find that out may take a look at the disk, so it is done once.
    fn name(&self, load: usize) -> Option<Naming> {
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(&load) {
            return Some(name.clone());
        }
        let name = self.dialect.name(self.program.loads.get(load)?, self.disk);
        names.insert(load, name.clone());
        Some(name)
    }

    /// Adds up the processes that loaded what a root is called, under any of its files: Python's first
    /// process reads a source, the next one what the first has compiled of it.
    fn count(&mut self, finding: &Finding) {
        let Some(name) = finding.tree.as_ref().and_then(|tree| self.name(tree.load)) else { return };
        if matches!(name, Naming::Named(_) | Naming::Setting(_)) {
            *self.processes.entry((finding.role, name)).or_default() += finding.workers;
        }
    }

    /// Whether enough processes loaded what the root of a tree is called.
    fn is_common(&self, finding: &Finding, tree: &Node) -> bool {
        let Some(name) = self.name(tree.load) else { return false };
        let processes = self.processes.get(&(finding.role, name)).copied().unwrap_or_default();
        match self.dialect.share() {
            Share::Any => true,
            Share::OfAll => self.thresholds.is_common(processes, finding.of, self.program.trees),
            Share::OfThoseThatMay => processes >= self.thresholds.min_processes,
        }
    }

    /// Looks at a load, and at what it brought where its line does not bring that.
    fn walk(&mut self, finding: &'a Finding, node: &Node) {
        let Some(load) = self.program.loads.get(node.load) else { return };
        let Some(naming) = self.name(node.load) else { return };
        let below = match naming {
            Naming::Named(_) => !self.dialect.brings_the_rest(),
            Naming::Setting(_) => false,
            Naming::Unnamed(_) => true,
            Naming::Foreign => self.dialect.looks_below_others(),
        };
        let found = |what| Found {
            first_seen_micros: load.first_seen_micros,
            path: &load.path,
            what,
            finding,
            load: node.load,
        };
        match naming {
            Naming::Named(name) => self.found.push(found(What::Module(name))),
            Naming::Setting(line) => self.found.push(found(What::Setting(line))),
            Naming::Unnamed(reason) => self.leave(reason, &load.path),
            Naming::Foreign => {
                self.others.insert(&load.path);
            }
        }
        if below {
            for child in &node.children {
                self.walk(finding, child);
            }
        }
    }

    fn leave(&mut self, reason: &'static str, what: &[u8]) {
        self.left_out.entry(reason).or_default().insert(escape::terminal(what));
    }

    /// Tells of a root that could have been in the list.
    fn leave_ours(&mut self, reason: &'static str, tree: &Node) {
        let Some(load) = self.program.loads.get(tree.load) else { return };
        if self.name(tree.load).is_some_and(|name| name != Naming::Foreign) {
            self.leave(reason, &load.path);
        }
    }

    fn end(mut self) -> Choice {
        let others: Vec<&[u8]> = self.others.iter().copied().collect();
        for other in others {
            self.leave("for another list", other);
        }
        self.found.sort_by(|a, b| (a.first_seen_micros, a.path).cmp(&(b.first_seen_micros, b.path)));
        let mut choice = Choice {
            entries: Vec::new(),
            loaded_by: Vec::new(),
            load_in: Vec::new(),
            left_out: self.left_out,
        };
        for found in self.found {
            if !choice.loaded_by.contains(&found.finding.role) {
                choice.loaded_by.push(found.finding.role);
            }
            if let Some(role) = found.finding.load_in
                && !choice.load_in.contains(&role)
            {
                choice.load_in.push(role);
            }
            if choice.entries.iter().all(|entry| entry.what != found.what) {
                let note = note(self.program, found.finding, found.load);
                choice.entries.push(Entry { what: found.what, note });
            }
        }
        choice
    }
}

/// How many processes loaded it, and who asked.
fn note(program: &ProgramReport, finding: &Finding, load: usize) -> String {
    let Some(load) = program.loads.get(load) else { return String::new() };
    let of = program.roles.get(load.role).map_or(load.processes, |role| role.processes.max(load.processes));
    let share = format!("{} of {of}", load.processes);
    let asked = caller::of_stacks(&load.stacks).or_else(|| finding.caller.clone());
    let who = asked.map(|caller| match caller {
        // Code that is part of the interpreter has no file: nobody in the program asked.
        Caller::Language(line) if line.file.starts_with(b"<") => String::new(),
        Caller::Language(line) => {
            format!("{}:{}", escape::terminal(caller::file_name(&line.file)), line.line)
        }
        // Of a file of an interpreted language that is a place in the interpreter.
        Caller::Native(_) if load.kind != "library" => String::new(),
        Caller::Native(site) => caller::site_text(&site),
    });
    match who.filter(|who| !who.is_empty()) {
        Some(who) => format!("{share}, {who}"),
        None => share,
    }
}
