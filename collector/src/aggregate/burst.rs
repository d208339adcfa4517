//! Whether a thread is still at what its burst of loads began with.
//!
//! A burst begins with a load that some statement asked for. While the file of that load is being loaded the
//! statement stands in every stack of its thread, and just inside of it stands the file's own body; what comes
//! between two loads then is the loading. Frames are compared by hashes: equal ones are the same line of the
//! same function, or so rare that a span is wrong.

use std::hash::BuildHasher;

use alive_wire::header::flags;
use alive_wire::lines::MAX_LINES;
use alive_wire::{LanguageStack, MAX_FRAMES, MAX_PATH};
use hashbrown::DefaultHashBuilder;

use crate::heard::Heard;

/// Of two stacks whose outer ends did not come, so many frames must be the same ones.
const ENOUGH: usize = 8;

/// How a load stands to the burst of its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// Asked for while the first file was being loaded.
    On,
    /// It looks so, by the machine's stack alone.
    Deeper,
    /// Asked for by the statement that the burst began with.
    SameLine,
    /// Its stack does not tell.
    Untold,
    /// Asked for by something else.
    Elsewhere,
}

/// Who asked for the first load of a burst, or for any load.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// Frames innermost first: hashes of lines, or offsets of machine code.
    frames: Vec<u64>,
    /// Of lines, the files.
    files: Vec<u64>,
    /// Of lines, those that say by their function that they are the body of a file.
    bodies: Vec<bool>,
    /// Whether they are lines.
    lines: bool,
    /// Whether outer frames are missing.
    cut: bool,
    /// The file that the first load is of, by its path, its source and the name it was asked for by.
    own: [u64; 3],
    /// The stack of the burst's latest load, when its outer frames are missing.
    latest: Vec<u64>,
    /// Room for a file's name.
    file: Vec<u8>,
}

impl Burst {
    /// Reads who asked.
    pub(crate) fn read(&mut self, hasher: &DefaultHashBuilder, heard: &Heard<'_>) {
        self.frames.clear();
        self.files.clear();
        self.bodies.clear();
        self.lines = !heard.lines.packed.is_empty();
        self.cut = heard.header().flags & flags::FRAMES_CUT != 0;
        if self.lines {
            self.read_lines(hasher, heard.lines);
        } else {
            self.frames.extend(heard.frames.into_iter().flatten().take(MAX_FRAMES).map(|frame| frame.offset));
        }
    }

    fn read_lines(&mut self, hasher: &DefaultHashBuilder, lines: LanguageStack<'_>) {
        self.file.clear();
        for frame in lines.frames().take(MAX_LINES) {
            if frame.shared > self.file.len() || frame.shared + frame.rest.len() > MAX_PATH {
                self.cut = true;
                return;
            }
            self.file.truncate(frame.shared);
            self.file.extend_from_slice(frame.rest);
            let file = hasher.hash_one(self.file.as_slice());
            self.frames.push(hasher.hash_one((file, frame.line, frame.function)));
            self.files.push(file);
            self.bodies.push(matches!(frame.function, b"<module>" | b"<top (required)>"));
        }
    }

    /// How a load that was asked for from `here` stands to this burst.
    pub(crate) fn goes(&self, here: &Self) -> Goes {
        match (self.frames.is_empty(), here.frames.is_empty()) {
            (true, _) => return Goes::Elsewhere,
            (false, true) => return Goes::Untold,
            (false, false) => {}
        }
        match (self.lines, here.lines) {
            (true, false) => Goes::Untold,
            (false, true) => Goes::Elsewhere,
            _ if self.frames == here.frames => Goes::SameLine,
            (true, true) if self.is_around(here) || self.shares_the_nest(here) => Goes::On,
            (false, false) if self.is_below(here) => Goes::Deeper,
            _ => Goes::Elsewhere,
        }
    }

    /// Whether the statement that the burst began with is on the stack, and the file's body just inside of it.
    fn is_around(&self, here: &Self) -> bool {
        let (outer, stack) = (&self.frames, &here.frames);
        let begins = (1..stack.len()).find(|&at| {
            let both = outer.len().min(stack.len() - at);
            let whole = both == outer.len() && (at + both == stack.len() || self.cut);
            stack[at..at + both] == outer[..both] && (whole || (at + both == stack.len() && here.cut))
        });
        begins.is_some_and(|at| self.own.contains(&here.files[at - 1]) || here.bodies[at - 1])
    }

    /// Whether a stack whose outer frames are missing is that of the latest load, further on or further in.
    fn shares_the_nest(&self, here: &Self) -> bool {
        if !here.cut || self.latest.is_empty() {
            return false;
        }
        let same = |ours: usize, theirs: usize| {
            let (ours, theirs) = (&self.latest[ours..], &here.frames[theirs..]);
            let both = ours.len().min(theirs.len());
            both >= ENOUGH && ours[..both] == theirs[..both]
        };
        let (ours, theirs) = (self.latest.len(), here.frames.len());
        (0..ours).any(|at| (0..theirs.min(2)).any(|one| same(at, one)))
            || (0..theirs).any(|at| (0..ours.min(2)).any(|one| same(one, at)))
    }

    /// Whether the machine's stack is deeper than it was and the outer half of it the same: an interpreter whose
    /// lines are not read, that is loading from what it loads.
    fn is_below(&self, here: &Self) -> bool {
        let same = self.frames.iter().rev().zip(here.frames.iter().rev());
        let same = same.take_while(|(ours, theirs)| ours == theirs).count();
        !self.cut && !here.cut && here.frames.len() > self.frames.len() && same * 2 >= self.frames.len()
    }

    /// A burst begins with a load that was asked for from `here`, whose room is taken.
    pub(crate) fn begin(&mut self, hasher: &DefaultHashBuilder, here: &mut Self, heard: &Heard<'_>) {
        std::mem::swap(&mut self.frames, &mut here.frames);
        (self.lines, self.cut) = (here.lines, here.cut);
        self.latest.clear();
        if !self.lines {
            return;
        }
        let path = heard.path.unwrap_or_default();
        self.own = [path, source(path, &mut self.file), heard.name.unwrap_or(path)]
            .map(|file| hasher.hash_one(file));
        if self.cut {
            self.latest.extend_from_slice(&self.frames);
        }
    }

    /// The burst goes on.
    pub(crate) fn go_on(&mut self, here: &Self) {
        if self.lines && here.lines {
            self.latest.clear();
            if here.cut {
                self.latest.extend_from_slice(&here.frames);
            }
        }
    }
}

/// What an interpreter calls a compiled file: `/a/b.py` for `/a/__pycache__/b.cpython-311.pyc`.
fn source<'b>(path: &'b [u8], room: &'b mut Vec<u8>) -> &'b [u8] {
    const CACHE: &[u8] = b"__pycache__/";
    let name = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (folder, name) = path.split_at(name);
    let (Some(folder), true) = (folder.strip_suffix(CACHE), name.ends_with(b".pyc")) else { return path };
    room.clear();
    room.extend_from_slice(folder);
    room.extend(name.iter().take_while(|&&byte| byte != b'.'));
    room.extend_from_slice(b".py");
    room
}
