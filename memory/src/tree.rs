//! A process and everything below it.

use std::collections::HashMap;
use std::fs;

use crate::stat::Stat;
use crate::{Process, Sizes, Unread};

/// A process of a tree.
#[derive(Debug)]
pub struct Member {
    /// The process, held: what is read through it is about this one.
    pub process: Process,
    /// Index of its parent in [`Tree::members`]; `None` for the one at the top.
    pub parent: Option<usize>,
    /// Steps down from the top.
    pub depth: usize,
    /// When it started, in clock ticks since the machine did.
    pub start_ticks: u64,
    /// The kernel's name for it.
    pub name: Vec<u8>,
    /// Its command line; empty when it has none.
    pub command: Vec<u8>,
}

/// What a process of a tree held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its pid.
    pub pid: u32,
    /// Index of its parent among the looks; `None` for the one at the top.
    pub parent: Option<usize>,
    /// Steps down from the top.
    pub depth: usize,
    /// The kernel's name for it.
    pub name: Vec<u8>,
    /// Its command line; empty when it has none.
    pub command: Vec<u8>,
    /// What it holds, or why that cannot be read.
    pub sizes: Result<Sizes, Unread>,
}

impl Look {
    /// What to call it: its command line, else the kernel's name.
    #[must_use]
    pub fn title(&self) -> &[u8] {
        if self.command.is_empty() { &self.name } else { &self.command }
    }
}

/// A process and everything below it, parents before children, siblings by their age.
#[derive(Debug)]
pub struct Tree {
    /// The processes. The first is the one at the top.
    pub members: Vec<Member>,
    /// Processes below it that ended while they were looked at.
    pub ended: u64,
}

impl Tree {
    /// Finds a process and everything below it. A process whose parent has ended hangs from another one, often
    /// process 1, and is not found.
    ///
    /// # Errors
    /// Why the process at the top cannot be read.
    pub fn read(pid: u32) -> Result<Self, Unread> {
        let top = Process::open(pid)?;
        let stat = top.stat()?;
        let mut below: HashMap<u32, Vec<(u32, Stat)>> = HashMap::new();
        // Asked for its parent, each process tells the same whichever of the parent's threads forked it; the
        // kernel's lists of children are per thread, and not in every kernel.
        for pid in pids() {
            if let Ok(stat) = Process::open(pid).and_then(|process| process.stat()) {
                below.entry(stat.parent).or_default().push((pid, stat));
            }
        }
        let mut tree = Self { members: vec![Member::new(top, stat, None, 0)], ended: 0 };
        tree.descend(0, &mut below);
        Ok(tree)
    }

    fn descend(&mut self, parent: usize, below: &mut HashMap<u32, Vec<(u32, Stat)>>) {
        let mut open = vec![parent];
        while let Some(parent) = open.pop() {
            // Taken out: who is reported as its own ancestor, because pids moved meanwhile, is found once.
            let Some(mut children) = below.remove(&self.members[parent].process.pid()) else { continue };
            children.sort_by_key(|(pid, stat)| (stat.start_ticks, *pid));
            let depth = self.members[parent].depth + 1;
            let first = self.members.len();
            for (pid, stat) in children {
                match hold(pid, stat.start_ticks) {
                    Some(process) => self.members.push(Member::new(process, stat, Some(parent), depth)),
                    None => self.ended += 1,
                }
            }
            open.extend(first..self.members.len());
        }
        self.order();
    }

    /// Brings each process behind its parent and before its parent's next child.
    fn order(&mut self) {
        let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        for (index, member) in self.members.iter().enumerate() {
            children.entry(member.parent).or_default().push(index);
        }
        let mut order = Vec::with_capacity(self.members.len());
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            order.push(index);
            open.extend(children.get(&Some(index)).into_iter().flatten().rev());
        }
        let place: HashMap<usize, usize> = order.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let mut members: Vec<Option<Member>> = self.members.drain(..).map(Some).collect();
        for index in order {
            let Some(mut member) = members.get_mut(index).and_then(Option::take) else { continue };
            member.parent = member.parent.and_then(|parent| place.get(&parent).copied());
            self.members.push(member);
        }
    }

    /// Indices of a member's children.
    pub fn children(&self, of: usize) -> impl Iterator<Item = usize> {
        self.members
            .iter()
            .enumerate()
            .filter(move |(_, member)| member.parent == Some(of))
            .map(|(index, _)| index)
    }

    /// What each process holds, in the order of the members.
    #[must_use]
    pub fn look(&self) -> Vec<Look> {
        let look = |member: &Member| Look {
            pid: member.process.pid(),
            parent: member.parent,
            depth: member.depth,
            name: member.name.clone(),
            command: member.command.clone(),
            sizes: member.process.sizes(),
        };
        self.members.iter().map(look).collect()
    }
}

impl Member {
    fn new(process: Process, stat: Stat, parent: Option<usize>, depth: usize) -> Self {
        let command = process.command().unwrap_or_default();
        Self { process, parent, depth, start_ticks: stat.start_ticks, name: stat.name, command }
    }
}

/// The process of a pid, if it is still the one that started then.
fn hold(pid: u32, start_ticks: u64) -> Option<Process> {
    let process = Process::open(pid).ok()?;
    (process.stat().ok()?.start_ticks == start_ticks).then_some(process)
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::{Tree, hold};
    use crate::Unread;

    /// A shell with children. Ended when dropped: its children read from a pipe that closes then.
    struct Shell(Child);

    impl Shell {
        fn start(script: &str) -> Self {
            let mut shell = Command::new("sh");
            Self(shell.args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap())
        }

        fn tree_of(&self, members: usize) -> Tree {
            let until = Instant::now() + Duration::from_secs(20);
            loop {
                let tree = Tree::read(self.0.id()).unwrap();
                if tree.members.len() == members {
                    return tree;
                }
                assert!(Instant::now() < until, "{} processes", tree.members.len());
                std::thread::yield_now();
            }
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            drop(self.0.stdin.take());
            let _ = self.0.wait();
        }
    }

    #[test]
    fn parents_stand_before_their_children_and_siblings_by_age() {
        let shell = Shell::start("exec 3<&0; (cat <&3; :) & (cat <&3; :) & cat <&3; wait");
        let tree = shell.tree_of(6);
        let shape: Vec<_> = tree.members.iter().map(|member| (member.parent, member.depth)).collect();
        assert_eq!(shape[0], (None, 0));
        for (index, (parent, depth)) in shape.iter().enumerate().skip(1) {
            let parent = parent.unwrap();
            assert!(parent < index, "{shape:?}");
            assert_eq!(*depth, shape[parent].1 + 1, "{shape:?}");
        }
        assert_eq!(tree.children(0).count(), 3, "{shape:?}");
        let starts: Vec<u64> = tree.children(0).map(|index| tree.members[index].start_ticks).collect();
        assert!(starts.is_sorted(), "{starts:?}");
        assert!(
            tree.look().iter().all(|look| look.sizes.is_ok() && look.title() != b""),
            "{:?}",
            tree.look()
        );
    }

    #[test]
    fn a_pid_that_was_given_to_another_is_not_taken_for_the_first() {
        let shell = Shell::start("cat");
        let member = &Tree::read(shell.0.id()).unwrap().members[0];
        let pid = shell.0.id();
        assert!(hold(pid, member.start_ticks).is_some());
        assert!(hold(pid, member.start_ticks + 1).is_none());
    }

    #[test]
    fn nobody_is_no_tree() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        // Its pid may be somebody else's by now, but not a parent's of anybody that is asked for here.
        assert!(matches!(Tree::read(child.id()), Err(Unread::Ended) | Ok(_)));
        assert_eq!(Tree::read(u32::MAX).err(), Some(Unread::Ended));
    }
}
