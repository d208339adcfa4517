//! What was seen at the forks of a role, kept for all processes of the tree: written by one at a time,
//! read by any, and nobody waits.
//!
//! The version is odd while somebody writes; a reader that finds it odd, or another one afterwards, has read
//! nothing. A writer that is killed half-way leaves it odd: then nothing is known from there on.

use super::bystanders::{NAME_BYTES, Seen};
use crate::cell::{Bytes, copy};
use alive_wire::Bystanders;
use alive_wire::bystanders::AT_LEAST;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Shared by the tree.
pub(super) struct Noted {
    /// 0 when nothing was seen yet.
    version: AtomicU32,
    threads: AtomicU32,
    sockets: AtomicU32,
    bits: AtomicU32,
    most_threads: AtomicU32,
    most_sockets: AtomicU32,
    names: [AtomicU64; NAME_BYTES / 8],
}

/// What a reader finds.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    threads: u32,
    sockets: u32,
    bits: u8,
    most_threads: u32,
    most_sockets: u32,
    names: Bytes<NAME_BYTES>,
}

impl Noted {
    pub(super) const fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            threads: AtomicU32::new(0),
            sockets: AtomicU32::new(0),
            bits: AtomicU32::new(0),
            most_threads: AtomicU32::new(0),
            most_sockets: AtomicU32::new(0),
            names: [const { AtomicU64::new(0) }; NAME_BYTES / 8],
        }
    }

    /// Takes note; does without when somebody else writes. The names are those of the time when there were
    /// most threads.
    pub(super) fn write(&self, seen: &Seen) {
        let version = self.version.load(Ordering::Relaxed);
        let odd = version.wrapping_add(1);
        if version & 1 == 1
            || self.version.compare_exchange(version, odd, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return;
        }
        fence(Ordering::Release);
        self.threads.store(seen.threads, Ordering::Relaxed);
        self.sockets.store(seen.sockets, Ordering::Relaxed);
        if seen.at_least {
            self.bits.store(u32::from(AT_LEAST), Ordering::Relaxed);
        }
        if seen.threads > self.most_threads.fetch_max(seen.threads, Ordering::Relaxed) {
            let mut chunks = seen.names.as_slice().chunks(8);
            for slot in &self.names {
                let mut word = [0u8; 8];
                copy(&mut word, chunks.next().unwrap_or_default());
                slot.store(u64::from_ne_bytes(word), Ordering::Relaxed);
            }
        }
        self.most_sockets.fetch_max(seen.sockets, Ordering::Relaxed);
        // Never 0 again: that says that nothing was seen.
        self.version.store(odd.wrapping_add(1).max(2), Ordering::Release);
    }

    /// What was seen last, and most of it.
    pub(super) fn read(&self) -> Option<Reading> {
        let version = self.version.load(Ordering::Acquire);
        if version == 0 || version & 1 == 1 {
            return None;
        }
        let mut names = Bytes::EMPTY;
        for word in &self.names {
            names.push(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let reading = Reading {
            threads: self.threads.load(Ordering::Relaxed),
            sockets: self.sockets.load(Ordering::Relaxed),
            bits: u8::try_from(self.bits.load(Ordering::Relaxed)).unwrap_or(AT_LEAST),
            most_threads: self.most_threads.load(Ordering::Relaxed),
            most_sockets: self.most_sockets.load(Ordering::Relaxed),
            names,
        };
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(reading)
    }
}

impl Reading {
    /// As the wire has it. The names, which are the longer half, where they are wanted.
    pub(crate) fn record(&self, role: u16, with_names: bool) -> Bystanders<'_> {
        let names = self.names.as_slice();
        let length = names.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
        Bystanders {
            role,
            threads: self.threads,
            sockets: self.sockets,
            bits: self.bits,
            most_threads: self.most_threads,
            most_sockets: self.most_sockets,
            names: if with_names { names.get(..length).unwrap_or_default() } else { b"" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(threads: u32, sockets: u32, names: &[u8]) -> Seen {
        Seen { threads, sockets, at_least: false, names: Bytes::of(names) }
    }

    #[test]
    fn the_last_and_the_most_are_kept_with_the_names_of_the_most() {
        let noted = Noted::new();
        assert!(noted.read().is_none(), "nothing seen is not none seen");
        noted.write(&seen(0, 0, b""));
        let reading = noted.read().unwrap();
        assert_eq!((reading.threads, reading.most_sockets), (0, 0));
        noted.write(&seen(3, 1, b"timer\0io"));
        noted.write(&Seen { at_least: true, ..seen(1, 200, b"other") });
        let reading = noted.read().unwrap();
        let record = reading.record(7, true);
        assert_eq!((record.role, record.threads, record.most_threads), (7, 1, 3));
        assert_eq!((record.sockets, record.most_sockets, record.bits), (200, 200, AT_LEAST));
        assert!(record.thread_names().eq([&b"timer"[..], b"io"]));
        assert!(reading.record(7, false).names.is_empty());
    }

    #[test]
    fn names_that_fill_their_room_are_whole() {
        let noted = Noted::new();
        let name = [b'n'; 15];
        let names = [&name[..], &name, &name, &name].join(&0);
        noted.write(&seen(4, 0, &names));
        assert_eq!(
            noted.read().unwrap().record(1, true).thread_names().filter(|found| *found == name).count(),
            4
        );
    }

    #[test]
    fn half_a_note_is_none() {
        let noted = Noted::new();
        noted.write(&seen(1, 1, b""));
        noted.version.store(3, Ordering::Relaxed);
        assert!(noted.read().is_none());
        noted.write(&seen(2, 2, b""));
        assert!(noted.read().is_none(), "who was killed half-way is not followed by anybody");
    }
}
