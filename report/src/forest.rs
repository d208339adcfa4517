//! Which load brought which: root causes instead of files.
//!
//! A load hangs from another load of the same role when the dynamic linker says that it was mapped
//! on the other's behalf, or when it was asked for by code that the other's file runs while it is
//! being loaded. Code that runs later, in a function, is a cause of its own: preloading its file
//! would not bring the load along. Where functions are not told, what stands outside of a file's
//! lines decides: while the file is being loaded, that is whoever asked for it. A parent must have
//! been loaded by at least as many processes, or it does not explain its child. Where there are no lines
//! `nesting` looks at the machine's stack.

use std::collections::HashMap;

use alive_store::model::{LanguageFrame, Load};

use crate::caller::file_name;
use crate::nesting;

/// Deepest nesting that is kept; what lies deeper hangs from the last level.
const MAX_DEPTH: usize = 24;

/// A load and what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Index of the load in the program's list.
    pub load: usize,
    /// What it brought, largest file first.
    pub children: Vec<Self>,
}

impl Node {
    /// Every load of the tree, this one first.
    #[must_use]
    pub fn loads(&self) -> Vec<usize> {
        let mut out = vec![self.load];
        for child in &self.children {
            out.extend(child.loads());
        }
        out
    }
}

/// Groups `members`, indices into `loads` of one role, into trees. Every member is in one tree.
#[must_use]
pub fn grow(loads: &[Load], members: &[usize]) -> Vec<Node> {
    let names = Names::new(loads, members);
    let nested = nesting::parents(loads, members);
    let mut parents: HashMap<usize, usize> = HashMap::with_capacity(members.len());
    for &member in members {
        let told = loads.get(member).and_then(|load| names.parent_of(loads, member, load));
        if let Some(parent) = told.or_else(|| nested.get(&member).copied()) {
            parents.insert(member, parent);
        }
    }
    cut_cycles(members, &mut parents);
    let depths = flatten(members, &mut parents);

    // Deepest first, so that every node's children are complete when it moves under its parent.
    let mut order: Vec<usize> = members.to_vec();
    order.sort_by_key(|member| std::cmp::Reverse(depths.get(member).copied().unwrap_or(0)));
    let mut children: HashMap<usize, Vec<Node>> = HashMap::new();
    let mut roots = Vec::new();
    for load in order {
        let mut brought = children.remove(&load).unwrap_or_default();
        brought.sort_by_key(|node| {
            (std::cmp::Reverse(loads.get(node.load).map_or(0, |load| load.bytes)), node.load)
        });
        let node = Node { load, children: brought };
        match parents.get(&load) {
            Some(&parent) => children.entry(parent).or_default().push(node),
            None => roots.push(node),
        }
    }
    roots.sort_by_key(|node| node.load);
    roots
}

/// The loads of one role by the names that others call them.
struct Names<'a> {
    by_path: HashMap<&'a [u8], usize>,
    by_name: HashMap<&'a [u8], usize>,
    /// Libraries whose file name only one load has: the link map may name a file by another path
    /// than the kernel does (`/lib` for `/usr/lib`).
    by_library: HashMap<&'a [u8], Option<usize>>,
    /// Compiled Python files by their source.
    by_source: HashMap<Vec<u8>, usize>,
}

impl<'a> Names<'a> {
    fn new(loads: &'a [Load], members: &[usize]) -> Self {
        let mut names = Self {
            by_path: HashMap::new(),
            by_name: HashMap::new(),
            by_library: HashMap::new(),
            by_source: HashMap::new(),
        };
        for &member in members {
            let Some(load) = loads.get(member) else { continue };
            names.by_path.insert(&load.path, member);
            // Where folders are links, interpreters call a file by another path than the kernel does.
            names.by_name.insert(&load.name, member);
            if load.kind == "library" {
                names
                    .by_library
                    .entry(file_name(&load.path))
                    .and_modify(|only| *only = None)
                    .or_insert(Some(member));
            }
            if let Some(source) = python_source(&load.path) {
                names.by_source.insert(source, member);
            }
        }
        names
    }

    fn parent_of(&self, loads: &[Load], member: usize, load: &Load) -> Option<usize> {
        let explains = |&parent: &usize| {
            parent != member && loads.get(parent).is_some_and(|parent| parent.processes >= load.processes)
        };
        let linked = self
            .by_path
            .get(load.pulled_in_by.as_slice())
            .copied()
            .or_else(|| self.by_library.get(file_name(&load.pulled_in_by)).copied().flatten())
            .filter(explains);
        linked.or_else(|| {
            load.stacks.iter().find_map(|stack| {
                (0..stack.language.len()).find_map(|at| {
                    let (frame, outside) = stack.language.get(at..)?.split_first()?;
                    let parent = self.of_file(&frame.file).filter(explains)?;
                    let runs = match frame.function.as_slice() {
                        b"" => loads.get(parent).is_some_and(|parent| asked_from(parent, frame, outside)),
                        _ => runs_while_loading(frame),
                    };
                    runs.then_some(parent)
                })
            })
        })
    }

    /// The load of a file that an interpreter names.
    fn of_file(&self, file: &[u8]) -> Option<usize> {
        let known = self.by_path.get(file).or_else(|| self.by_source.get(file));
        known.or_else(|| self.by_name.get(file).filter(|_| !file.is_empty())).copied()
    }
}

/// Whether `file` may have been asked for from where its line is run: what stands `outside` of the line in
/// its stack is one of the file's own stacks, as far as both go. A file without stacks may be from anywhere.
fn asked_from(file: &Load, line: &LanguageFrame, outside: &[LanguageFrame]) -> bool {
    let inside = outside.iter().take_while(|frame| frame.file == line.file).count();
    let outside = outside.get(inside..).unwrap_or_default();
    let same =
        |(one, other): (&LanguageFrame, &LanguageFrame)| (&one.file, one.line) == (&other.file, other.line);
    let mut stacks = file.stacks.iter().filter(|stack| !stack.language.is_empty()).peekable();
    stacks.peek().is_none() || stacks.any(|stack| outside.iter().zip(&stack.language).all(same))
}

/// The source of a compiled Python file: `/a/b.py` for `/a/__pycache__/b.cpython-311.opt-1.pyc`.
fn python_source(path: &[u8]) -> Option<Vec<u8>> {
    const CACHE: &[u8] = b"/__pycache__/";
    let name = file_name(path);
    let folder = path.strip_suffix(name)?.strip_suffix(CACHE)?;
    let module = name.split(|&byte| byte == b'.').next()?;
    name.ends_with(b".pyc").then(|| [folder, b"/", module, b".py"].concat())
}

/// Whether a frame is a file's own body, run once when the file is loaded, by the names that the
/// interpreters give it.
fn runs_while_loading(frame: &LanguageFrame) -> bool {
    let function = frame.function.as_slice();
    match frame.language.as_str() {
        "python" => function == b"<module>",
        "perl" => function.ends_with(b"BEGIN") || function == b"(eval)" || function == b"require",
        // <top (required)>, <main>, <class:Name>, <module:Name>. A block in one of them may run at any time;
        // when it runs while the file is loaded, the one that it is in stands further out in the stack.
        "ruby" => function.starts_with(b"<"),
        "php" => matches!(function, b"{main}" | b"include" | b"include_once" | b"require" | b"require_once"),
        _ => false,
    }
}

/// Makes a root of one member of every cycle.
fn cut_cycles(members: &[usize], parents: &mut HashMap<usize, usize>) {
    let mut settled = HashMap::with_capacity(members.len());
    for &start in members {
        let mut at = start;
        loop {
            if let Some(&walk) = settled.get(&at) {
                if walk == start {
                    parents.remove(&at);
                }
                break;
            }
            settled.insert(at, start);
            let Some(&parent) = parents.get(&at) else { break };
            at = parent;
        }
    }
}

/// Hangs what lies deeper than [`MAX_DEPTH`] from the last level; tells the depth of each member.
fn flatten(members: &[usize], parents: &mut HashMap<usize, usize>) -> HashMap<usize, usize> {
    let mut depths: HashMap<usize, usize> = HashMap::with_capacity(members.len());
    for &start in members {
        // Up to the first ancestor whose depth is known, then down again.
        let mut walk = vec![start];
        while let Some(&parent) =
            walk.last().filter(|at| !depths.contains_key(at)).and_then(|at| parents.get(at))
        {
            walk.push(parent);
        }
        while let Some(at) = walk.pop() {
            if depths.contains_key(&at) {
                continue;
            }
            let mut depth = 0;
            if let Some(&parent) = parents.get(&at) {
                depth = depths.get(&parent).copied().unwrap_or(0) + 1;
                if depth > MAX_DEPTH {
                    if let Some(&above) = parents.get(&parent) {
                        parents.insert(at, above);
                    }
                    depth = MAX_DEPTH;
                }
            }
            depths.insert(at, depth);
        }
    }
    depths
}

#[cfg(test)]
pub(crate) mod tests;
