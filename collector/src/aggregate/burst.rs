//! Whether a thread is still at what its burst of loads began with.
//!
//! A burst begins with a load that some statement asked for. While the file of that load is being loaded the
//! statement stands in every stack of its thread, and just inside of it stands the file's own body; what comes
//! between two loads then is the loading. Frames are compared by hashes: equal ones are the same line of the
//! same function, or so rare that a span is wrong.

use std::hash::BuildHasher;

use alive_wire::header::flags;
use alive_wire::lines::{MAX_LINES, PackedLine};
use alive_wire::record::Frames;
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
///
/// Taking a stack apart costs more than anything else that is done to an event, so it is done where its bytes alone
/// do not tell.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// The stack as the wire has it; empty where it has no frame.
    packed: Vec<u8>,
    /// Whether these are lines.
    lines: bool,
    /// Whether outer frames were left out.
    cut: bool,
    /// Whether what follows was read from it.
    is_read: bool,
    /// Whether it ends in bytes that are no frame.
    torn: bool,
    /// Frames innermost first: hashes of lines, or offsets of machine code.
    frames: Vec<u64>,
    /// Of lines, the files.
    files: Vec<u64>,
    /// Of lines, those that say by their function that they are the body of a file.
    bodies: Vec<bool>,
    /// The file that the first load is of, by its path, its source and the name it was asked for by.
    own: [u64; 3],
    /// The stack of the burst's latest load, when its outer frames are missing.
    latest: Vec<u64>,
    /// Room for a file's name.
    file: Vec<u8>,
}

/// The stack that is told of who asked, and whether it is lines.
fn stack<'a>(heard: &Heard<'a>) -> (&'a [u8], bool) {
    let lines = heard.lines.packed;
    if lines.is_empty() {
        return (heard.frames.map_or(&[], |frames| frames.encoded()), false);
    }
    (lines, true)
}

/// Whether a stack begins with a frame.
fn has_frame(packed: &[u8], lines: bool) -> bool {
    let is_one = |first: PackedLine<'_>| first.shared == 0 && first.rest.len() <= MAX_PATH;
    if lines {
        return LanguageStack { language: None, packed }.frames().next().is_some_and(is_one);
    }
    Frames::new(packed).next().is_some()
}

impl Burst {
    /// Takes who asked, to be read when it is needed.
    fn take(&mut self, packed: &[u8], lines: bool) {
        self.packed.clear();
        if has_frame(packed, lines) {
            self.packed.extend_from_slice(packed);
        }
        self.lines = lines;
        self.is_read = false;
    }

    fn read(&mut self, hasher: &DefaultHashBuilder) {
        if std::mem::replace(&mut self.is_read, true) {
            return;
        }
        self.frames.clear();
        self.torn = false;
        if self.lines {
            self.read_lines(hasher);
        } else {
            self.frames.extend(Frames::new(&self.packed).take(MAX_FRAMES).map(|frame| frame.offset));
        }
    }

    fn read_lines(&mut self, hasher: &DefaultHashBuilder) {
        let Self { packed, frames, files, bodies, file, .. } = self;
        files.clear();
        bodies.clear();
        file.clear();
        for frame in (LanguageStack { language: None, packed }).frames().take(MAX_LINES) {
            if frame.shared > file.len() || frame.shared + frame.rest.len() > MAX_PATH {
                self.torn = true;
                self.latest.clear();
                self.latest.extend_from_slice(frames);
                return;
            }
            // Neighbours are often of one file.
            let hash = match files.last() {
                Some(&hash) if frame.rest.is_empty() && frame.shared == file.len() => hash,
                _ => {
                    file.truncate(frame.shared);
                    file.extend_from_slice(frame.rest);
                    hasher.hash_one(file.as_slice())
                }
            };
            frames.push(hasher.hash_one((hash, frame.line, frame.function)));
            files.push(hash);
            bodies.push(matches!(frame.function, b"<module>" | b"<top (required)>"));
        }
    }

    /// Whether outer frames are missing.
    const fn is_cut(&self) -> bool {
        self.cut || self.torn
    }

    /// How a load stands to this burst. Who asked for it is in `here` from then on, unless it is the same line.
    pub(crate) fn goes(&mut self, hasher: &DefaultHashBuilder, here: &mut Self, heard: &Heard<'_>) -> Goes {
        here.cut = heard.header().flags & flags::FRAMES_CUT != 0;
        let (packed, lines) = stack(heard);
        // The same bytes are the same frames, and need not be copied to know it.
        if !packed.is_empty() && self.lines == lines && self.packed == packed {
            return Goes::SameLine;
        }
        here.take(packed, lines);
        self.compare(hasher, here)
    }

    /// The same, where the bytes do not tell.
    #[inline(never)]
    fn compare(&mut self, hasher: &DefaultHashBuilder, here: &mut Self) -> Goes {
        match (self.packed.is_empty(), here.packed.is_empty()) {
            (true, _) => return Goes::Elsewhere,
            (false, true) => return Goes::Untold,
            (false, false) => {}
        }
        match (self.lines, here.lines) {
            (true, false) => return Goes::Untold,
            (false, true) => return Goes::Elsewhere,
            (true, true) | (false, false) => {}
        }
        self.read(hasher);
        here.read(hasher);
        match self.lines {
            // Modules may have other numbers.
            _ if self.frames == here.frames => Goes::SameLine,
            true if self.is_around(here) || self.shares_the_nest(here) => Goes::On,
            false if self.is_below(here) => Goes::Deeper,
            _ => Goes::Elsewhere,
        }
    }

    /// Whether the statement that the burst began with is on the stack, and the file's body just inside of it.
    fn is_around(&self, here: &Self) -> bool {
        let (outer, stack) = (&self.frames, &here.frames);
        let begins = (1..stack.len()).find(|&at| {
            let both = outer.len().min(stack.len() - at);
            let whole = both == outer.len() && (at + both == stack.len() || self.is_cut());
            stack[at..at + both] == outer[..both] && (whole || (at + both == stack.len() && here.is_cut()))
        });
        begins.is_some_and(|at| self.own.contains(&here.files[at - 1]) || here.bodies[at - 1])
    }

    /// Whether a stack whose outer frames are missing is that of the latest load, further on or further in.
    fn shares_the_nest(&self, here: &Self) -> bool {
        if !here.is_cut() || self.latest.is_empty() {
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

    /// A burst begins with a load that was asked for from `here`, whose room is taken. `goes` is how it stands to the
    /// burst before.
    pub(crate) fn begin(
        &mut self,
        hasher: &DefaultHashBuilder,
        goes: Goes,
        here: &mut Self,
        heard: &Heard<'_>,
    ) {
        if goes != Goes::SameLine {
            std::mem::swap(&mut self.packed, &mut here.packed);
            std::mem::swap(&mut self.frames, &mut here.frames);
            (self.lines, self.is_read, self.torn) = (here.lines, here.is_read, here.torn);
        }
        self.cut = here.cut;
        self.latest.clear();
        if !self.lines {
            return;
        }
        let path = heard.path.unwrap_or_default();
        self.own = [path, source(path, &mut self.file), heard.name.unwrap_or(path)]
            .map(|file| hasher.hash_one(file));
        if self.is_cut() {
            self.read(hasher);
            self.latest.clear();
            self.latest.extend_from_slice(&self.frames);
        }
    }

    /// The burst goes on.
    pub(crate) fn go_on(&mut self, here: &Self) {
        if self.lines && here.lines {
            self.latest.clear();
            if here.is_cut() {
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
