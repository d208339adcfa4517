//! Which interpreter runs, where one process has several.
//!
//! A thread finds the state that it had first by itself. Up to Python 3.11 this stays the answer while
//! the thread runs another interpreter of the same process (`mod_wsgi` has one for each application),
//! and the lines would be those of the outer one. The audit hook knows better: it is called with the
//! lock held, by the state that runs. So before an event's file is opened the hook notes this state,
//! if it is another than the thread's own, for the next capture on that thread.
//!
//! A state can be freed as soon as its thread goes on, so a note is used once, for the file it was
//! made for, and every later event of the thread ends it. Where a thread was last heard of in another
//! interpreter and the note is not for the file at hand, nothing is told: the wrong lines would be.

use super::super::memory::Memory;
use super::text::Text;
use super::{FOUND, Found};
use crate::arch;
use crate::cell::{Bytes, Guarded};
use crate::process::fork;
use core::sync::atomic::{AtomicU32, Ordering};

/// Threads that can be in other interpreters at the same time, each about to open a file.
const THREADS: usize = 8;

/// Bytes of a file's name that are compared.
const COMPARED: usize = 160;

/// A thread that was last heard of in another interpreter than its own. All zeros is a free place.
#[derive(Clone, Copy)]
struct Note {
    thread: u64,
    /// The state it was in; 0 when it must not be used.
    state: usize,
    /// The file that it is about to open.
    file: Bytes<COMPARED>,
    /// The capture that comes next is the one for it.
    due: bool,
}

/// Threads in other interpreters; zeros in a fresh child.
pub(crate) struct Notes {
    /// How many there are, to be looked at without taking them.
    count: AtomicU32,
    notes: Guarded<[Note; THREADS]>,
}

impl Notes {
    const NONE: Note = Note { thread: 0, state: 0, file: Bytes::EMPTY, due: false };

    pub(crate) const fn new() -> Self {
        Self { count: AtomicU32::new(0), notes: Guarded::new([Self::NONE; THREADS]) }
    }

    /// As in a fresh child: for one whose page no kernel wiped.
    pub(crate) fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.notes.release();
        self.notes.with(|notes| *notes = [Self::NONE; THREADS]);
    }

    /// Lets `work` at the note of a thread.
    fn with<R>(&self, thread: u64, work: impl FnOnce(&mut Note) -> R) -> Option<R> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.notes.with(|notes| notes.iter_mut().find(|note| note.thread == thread).map(work)).flatten()
    }

    fn forget(&self, thread: u64) {
        if self.with(thread, |note| *note = Self::NONE).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn put(&self, note: Note) {
        self.notes.with(|notes| {
            let own = notes.iter().position(|old| old.thread == note.thread);
            let place = own.or_else(|| notes.iter().position(|old| old.thread == 0));
            if let Some(slot) = place.and_then(|place| notes.get_mut(place)) {
                *slot = note;
                self.count.fetch_add(u32::from(own.is_none()), Ordering::Relaxed);
            }
        });
    }

    /// The capture that comes next is for a file of this name.
    fn is_due(&self, thread: u64, file: &[u8]) {
        self.with(thread, |note| {
            note.due = file.get(..file.len().min(COMPARED)) == Some(note.file.as_slice());
        });
    }

    /// The state to read, used up.
    fn take(&self, thread: u64) -> State {
        let taken = self.with(thread, |note| {
            let state = if note.due { note.state } else { 0 };
            note.state = 0;
            state
        });
        match taken {
            None => State::TheThreadsOwn,
            Some(0) => State::AnotherOne,
            Some(state) => State::Noted(state),
        }
    }
}

/// Whose lines to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The one that the thread had first.
    TheThreadsOwn,
    /// This one, which is alive.
    Noted(usize),
    /// It is in another interpreter, and its state there is not known.
    AnotherOne,
}

/// What an audit event announces.
#[derive(Clone, Copy)]
pub(crate) enum Announced {
    /// A capture, before the event is over.
    Capture,
    /// That the file is opened whose name is in this object.
    File(usize),
    /// Nothing that is captured.
    Nothing,
}

/// Notes the interpreter that runs: called by the audit hook, with the interpreter's lock held.
pub(crate) fn heard(announced: Announced) {
    let Some(found) = FOUND.get() else { return };
    let notes = &fork::page().python_states;
    let thread = arch::thread();
    // SAFETY: takes nothing, and reads a slot of the calling thread.
    let own = unsafe { (found.own_state)() };
    // SAFETY: takes nothing; the lock is held, so this is the state that runs here.
    let running = unsafe { (found.running_state)() };
    if running == own || running == 0 {
        notes.forget(thread);
        return;
    }
    let (state, file, due) = match announced {
        Announced::Capture => (running, Bytes::EMPTY, true),
        Announced::File(name) => match name_of(found, name) {
            Some(file) => (running, file, false),
            None => (0, Bytes::EMPTY, false),
        },
        Announced::Nothing => (0, Bytes::EMPTY, false),
    };
    notes.put(Note { thread, state, file, due });
}

/// The beginning of a file's name; none where it is no string, or where strings cannot be read.
fn name_of(found: &Found, object: usize) -> Option<Bytes<COMPARED>> {
    let mut text = Text::new();
    text.read(&found.layout, &Memory::checked(), object).ok()?;
    Some(Bytes::of(text.as_slice()))
}

/// The capture that comes next on this thread is for a file of this name.
pub(crate) fn opened(file: &[u8]) {
    fork::page().python_states.is_due(arch::thread(), file);
}

/// What was noted of this thread, used up.
pub(super) fn take() -> State {
    fork::page().python_states.take(arch::thread())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes_of(thread: u64, file: &[u8]) -> Notes {
        let notes = Notes::new();
        notes.put(Note { thread, state: 4096, file: Bytes::of(file), due: false });
        notes
    }

    #[test]
    fn a_note_serves_its_file_once() {
        let notes = notes_of(7, b"/srv/a.py");
        notes.is_due(7, b"/srv/a.py");
        assert_eq!(notes.take(8), State::TheThreadsOwn);
        assert_eq!(notes.take(7), State::Noted(4096));
        notes.is_due(7, b"/srv/a.py");
        assert_eq!(notes.take(7), State::AnotherOne);
    }

    #[test]
    fn a_note_for_another_file_is_never_used() {
        for name in [&b"/srv/b.py"[..], b"", b"/srv/a.pyc"] {
            let notes = notes_of(7, b"/srv/a.py");
            notes.is_due(7, name);
            assert_eq!(notes.take(7), State::AnotherOne, "{name:?}");
        }
        let notes = notes_of(7, b"/srv/a.py");
        assert_eq!(notes.take(7), State::AnotherOne, "no file at all");
        notes.is_due(7, b"/srv/a.py");
        assert_eq!(notes.take(7), State::AnotherOne, "a capture came between");
    }

    #[test]
    fn the_next_event_ends_a_note() {
        let notes = notes_of(7, b"/srv/a.py");
        notes.forget(7);
        notes.is_due(7, b"/srv/a.py");
        assert_eq!(notes.take(7), State::TheThreadsOwn);
        notes.put(Note { thread: 7, state: 0, file: Bytes::EMPTY, due: false });
        assert_eq!(notes.take(7), State::AnotherOne);
        notes.forget(7);
        notes.forget(7);
        assert_eq!(notes.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn more_threads_than_places_are_left_out() {
        let notes = Notes::new();
        for thread in 1..=20 {
            notes.put(Note { thread, state: 4096, file: Bytes::EMPTY, due: true });
        }
        assert_eq!(notes.count.load(Ordering::Relaxed), 8);
        assert_eq!(notes.take(8), State::Noted(4096));
        assert_eq!(notes.take(9), State::TheThreadsOwn);
    }
}
