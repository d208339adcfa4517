//! Which load brought which, where no line of the program tells: by the machine's stack and the time.
//!
//! An interpreter whose lines are not read still calls itself while it loads from what it loads: the stack is
//! deeper then, and its outer half is the one that the first file was asked for with. So it looks also when the
//! program calls itself for another reason and loads there; that both came within [`WINDOW_MICROS`] makes it likely
//! that they belong together, and no more than that.

use std::collections::HashMap;

use alive_store::model::{Load, Site};

/// Longest time between a load and what it brought, in microseconds.
const WINDOW_MICROS: u64 = 2_000_000;

/// Loads before a load that are asked whether they brought it, latest first.
const ASKED: usize = 16;

/// A stack with so many frames lost its outer ones.
const CUT: usize = 64;

/// The parents of those members that have one, of those that have no lines.
pub(crate) fn parents(loads: &[Load], members: &[usize]) -> HashMap<usize, usize> {
    let mut bare: Vec<(u64, usize, &Load, &[Site])> = members
        .iter()
        .filter_map(|&member| {
            let load = loads.get(member)?;
            let stack = load.stacks.first()?;
            let is_bare = load.stacks.iter().all(|stack| stack.language.is_empty());
            let whole = (1..CUT).contains(&stack.native.len());
            (is_bare && whole).then_some((load.first_seen_micros, member, load, stack.native.as_slice()))
        })
        .collect();
    bare.sort_unstable_by_key(|&(seen, member, ..)| (seen, member));
    let mut parents = HashMap::new();
    for (at, &(seen, member, load, stack)) in bare.iter().enumerate() {
        let before = bare.get(at.saturating_sub(ASKED)..at).unwrap_or_default();
        let brought = |&&(earlier, _, parent, outer): &&(u64, usize, &Load, &[Site])| {
            // What dlopen loads is told when it is done.
            parent.kind == "module"
                && parent.processes >= load.processes
                && seen - earlier <= WINDOW_MICROS
                && is_below(outer, stack)
        };
        if let Some(&(_, parent, ..)) = before.iter().rev().find(brought) {
            parents.insert(member, parent);
        }
    }
    parents
}

/// Whether a stack is deeper than another one, and has its outer half.
fn is_below(outer: &[Site], stack: &[Site]) -> bool {
    let same = |(one, other): &(&Site, &Site)| one.offset == other.offset && one.module == other.module;
    stack.len() > outer.len()
        && outer.iter().rev().zip(stack.iter().rev()).take_while(same).count() * 2 >= outer.len()
}

#[cfg(test)]
mod tests {
    use alive_store::model::Stack;

    use super::*;
    use crate::forest::tests::load;

    /// A module loaded at a time, asked for from these places, innermost first.
    fn bare(path: &str, seen: u64, stack: &[u64]) -> Load {
        let site = |&offset: &u64| Site { module: b"/usr/bin/tclsh".to_vec(), offset, ..Site::default() };
        let stack = Stack { language: Vec::new(), native: stack.iter().map(site).collect() };
        Load { kind: "module".into(), first_seen_micros: seen, stacks: vec![stack], ..load(path, 2) }
    }

    fn found(loads: &[Load]) -> Vec<(usize, usize)> {
        let mut found: Vec<_> = parents(loads, &(0..loads.len()).collect::<Vec<_>>()).into_iter().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn what_an_interpreter_loads_from_within_hangs_from_what_it_was_loading() {
        let loads = [
            bare("/a.tcl", 10, &[1, 2, 30, 40]),
            bare("/b.tcl", 20, &[1, 2, 5, 6, 30, 40]),
            bare("/c.tcl", 30, &[1, 2, 5, 7, 5, 6, 30, 40]),
            bare("/d.tcl", 40, &[1, 2, 5, 6, 30, 40]),
        ];
        assert_eq!(found(&loads), [(1, 0), (2, 1), (3, 0)]);
    }

    #[test]
    fn what_came_before_or_much_later_or_from_elsewhere_stands_alone() {
        let deeper = [1, 2, 5, 6, 30, 40];
        let loads = [
            bare("/early.tcl", 5, &deeper),
            bare("/a.tcl", 10, &[1, 2, 30, 40]),
            bare("/late.tcl", 31 + WINDOW_MICROS, &deeper),
            bare("/other.tcl", 20, &[1, 2, 5, 6, 31, 41]),
            bare("/beside.tcl", 30, &[1, 2, 30, 40]),
        ];
        assert_eq!(found(&loads), []);
    }

    #[test]
    fn a_library_was_loaded_when_it_is_told() {
        let library = Load { kind: "library".into(), ..bare("/a.so", 10, &[1, 2, 30, 40]) };
        assert_eq!(found(&[library, bare("/b.tcl", 20, &[1, 2, 5, 6, 30, 40])]), []);
    }

    #[test]
    fn a_stack_without_its_outer_end_tells_nothing() {
        let cut: Vec<u64> = (0..64).collect();
        assert_eq!(found(&[bare("/a.tcl", 10, &[62, 63]), bare("/b.tcl", 20, &cut)]), []);
    }
}
