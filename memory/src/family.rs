//! A parent and its workers: what is mapped in the workers and not in their parent was mapped after the fork.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Unread;
use crate::maps::{FileId, FileKind, Mapping};
use crate::tree::Tree;

/// A file that workers map and their parent does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// Its path, as the workers see it.
    pub path: Vec<u8>,
    /// What it is to them.
    pub kind: FileKind,
    /// Whether its name is gone, as after an upgrade.
    pub deleted: bool,
    /// Whether the parent maps another file of this name: it was replaced meanwhile.
    pub replaced: bool,
    /// Pids of the workers that map it.
    pub workers: Vec<u32>,
    /// Address space that it takes in the worker where it takes most, in bytes.
    pub bytes: u64,
    /// Private and written, summed over the workers, in KiB. Zero-initialised data is not among it: that is
    /// anonymous memory, and what lies behind a library may be anything.
    pub private_dirty_kib: u64,
}

/// A parent and those of its children that still run its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Index of the parent in the tree.
    pub parent: usize,
    /// Indices of the workers that could be read.
    pub workers: Vec<usize>,
    /// Children that executed a program of their own: whatever they map, they did not inherit it.
    pub executed: u64,
    /// Children that could not be read, and why.
    pub unread: Vec<(usize, Unread)>,
    /// What the workers map and the parent does not, libraries first, most private memory first.
    pub late: Vec<Late>,
}

/// Every parent of a tree with its children. A parent that cannot be read stands there with the reason.
#[must_use]
pub fn families(tree: &Tree) -> Vec<(usize, Result<Family, Unread>)> {
    (0..tree.members.len())
        .filter(|&parent| tree.children(parent).next().is_some())
        .map(|parent| (parent, read(tree, parent)))
        .collect()
}

fn read(tree: &Tree, parent: usize) -> Result<Family, Unread> {
    let above = tree.members[parent].process.maps()?;
    let mut family =
        Family { parent, workers: Vec::new(), executed: 0, unread: Vec::new(), late: Vec::new() };
    let mut sum = BTreeMap::new();
    for child in tree.children(parent) {
        let process = &tree.members[child].process;
        match process.maps() {
            Ok(maps) if !is_forked(&above, &maps) => family.executed += 1,
            // The kernel walks the pages of the whole process, so only where there is something to know.
            Ok(maps) if late_files(&above, &maps).is_empty() => family.workers.push(child),
            Ok(_) => match process.smaps() {
                Ok(smaps) => {
                    add(&mut sum, process.pid(), &above, &smaps);
                    family.workers.push(child);
                }
                Err(error) => family.unread.push((child, error)),
            },
            Err(error) => family.unread.push((child, error)),
        }
    }
    family.late = sum.into_values().collect();
    family.late.sort_by(|a, b| {
        (a.kind, b.private_dirty_kib, b.bytes, &a.path).cmp(&(b.kind, a.private_dirty_kib, a.bytes, &b.path))
    });
    Ok(family)
}

/// Whether a child's image is its parent's: code that was mapped before the fork lies where it lay. A program
/// that was executed anew, the same one also, lies elsewhere.
fn is_forked(above: &[Mapping], child: &[Mapping]) -> bool {
    let place = |mapping: &Mapping| {
        (mapping.executable && mapping.file.is_some()).then_some((mapping.start, mapping.file))
    };
    let places: HashSet<_> = above.iter().filter_map(place).collect();
    child.iter().filter_map(place).any(|place| places.contains(&place))
}

/// Files of a child that its parent does not map.
fn late_files(above: &[Mapping], child: &[Mapping]) -> HashMap<FileId, FileKind> {
    let known: HashSet<FileId> = above.iter().filter_map(|mapping| mapping.file).collect();
    let mut late = HashMap::new();
    for mapping in child {
        if let (Some(file), Some(kind)) = (mapping.file, mapping.kind())
            && !known.contains(&file)
        {
            // One segment that may be executed makes it a library.
            late.entry(file).and_modify(|known: &mut FileKind| *known = kind.min(*known)).or_insert(kind);
        }
    }
    late
}

/// Adds what a worker maps and its parent does not.
fn add(sum: &mut BTreeMap<FileId, Late>, pid: u32, above: &[Mapping], child: &[Mapping]) {
    let files = late_files(above, child);
    let names: HashSet<&[u8]> = above
        .iter()
        .filter(|mapping| mapping.file.is_some())
        .map(|mapping| mapping.path.as_slice())
        .collect();
    let mut bytes: HashMap<FileId, u64> = HashMap::new();
    for mapping in child {
        let Some(file) = mapping.file else { continue };
        let Some(&kind) = files.get(&file) else { continue };
        let late = sum.entry(file).or_insert_with(|| Late {
            path: mapping.path.clone(),
            kind,
            deleted: mapping.deleted,
            replaced: names.contains(mapping.path.as_slice()),
            workers: Vec::new(),
            bytes: 0,
            private_dirty_kib: 0,
        });
        late.kind = late.kind.min(kind);
        if late.workers.last() != Some(&pid) {
            late.workers.push(pid);
        }
        late.private_dirty_kib = late.private_dirty_kib.saturating_add(mapping.private_dirty_kib);
        let size = bytes.entry(file).or_default();
        *size = size.saturating_add(mapping.bytes());
        late.bytes = late.bytes.max(*size);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Late, add, is_forked, late_files};
    use crate::maps::{FileKind, parse};

    const PARENT: &str = "\
1000-2000 r-xp 0 fe:00 10 /usr/bin/daemon
2000-3000 rw-p 0 fe:00 10 /usr/bin/daemon
5000-6000 r-xp 0 fe:00 20 /usr/lib/libold.so.1 (deleted)
";

    const LATE: &str = "\
8000-9000 r-xp 0 fe:00 30 /usr/lib/libnew.so.2
Private_Dirty: 0 kB
9000-a000 rw-p 1000 fe:00 30 /usr/lib/libnew.so.2
Private_Dirty: 4 kB
a000-c000 rw-p 0 00:00 0 
Private_Dirty: 8 kB
d000-e000 rw-p 0 00:00 0 
Private_Dirty: 64 kB
e000-f000 r-xp 0 fe:00 21 /usr/lib/libold.so.1
Private_Dirty: 0 kB
f000-10000 r--p 0 fe:00 40 /usr/share/words
Private_Dirty: 0 kB
10000-11000 rwxs 0 00:01 99 /memfd:jit (deleted)
Private_Dirty: 0 kB
";

    fn sums(workers: &[(u32, &str)]) -> Vec<Late> {
        let above = parse(PARENT.as_bytes());
        let mut sum = BTreeMap::new();
        for (pid, text) in workers {
            add(&mut sum, *pid, &above, &parse(format!("{PARENT}{text}").as_bytes()));
        }
        sum.into_values().collect()
    }

    #[test]
    fn what_workers_map_and_their_parent_does_not() {
        let late = sums(&[(7, LATE), (8, LATE), (9, "")]);
        let told: Vec<_> =
            late.iter().map(|late| (late.path.as_slice(), late.kind, late.private_dirty_kib)).collect();
        assert_eq!(
            told,
            [
                (&b"/usr/lib/libold.so.1"[..], FileKind::Library, 0),
                (b"/usr/lib/libnew.so.2", FileKind::Library, 8),
                (b"/usr/share/words", FileKind::Data, 0),
            ]
        );
        assert_eq!(late[1].workers, [7, 8]);
        assert_eq!(late[1].bytes, 0x2000, "of one worker, and without what lies behind it");
        assert!(late[0].replaced && !late[0].deleted && !late[1].replaced);
    }

    #[test]
    fn what_the_parent_maps_too_is_not_late_wherever_it_lies() {
        let above = parse(PARENT.as_bytes());
        let elsewhere = parse(b"7000-8000 r-xp 0 fe:00 20 /chroot/libold.so.1");
        assert!(late_files(&above, &elsewhere).is_empty());
    }

    #[test]
    fn a_program_that_was_executed_lies_elsewhere() {
        let above = parse(PARENT.as_bytes());
        assert!(is_forked(&above, &above));
        assert!(!is_forked(&above, &parse(b"4000-5000 r-xp 0 fe:00 10 /usr/bin/daemon")));
        assert!(!is_forked(&above, &parse(b"1000-2000 r-xp 0 fe:00 11 /usr/bin/true")));
        assert!(
            !is_forked(&above, &parse(b"2000-3000 rw-p 0 fe:00 10 /usr/bin/daemon")),
            "data alone tells nothing"
        );
    }
}
