//! What the threads last measured of themselves, once a flush: for whoever watches the collector, not for its work.

use std::time::{Duration, Instant};

/// How full a receive queue is, in the kernel's own bytes: each datagram counts with its bookkeeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Queue {
    /// Bytes that wait.
    pub(crate) filled: u32,
    /// Bytes that have room.
    pub(crate) size: u32,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vitals {
    /// Receive queues, in the order of the sockets.
    pub(crate) queues: Vec<Queue>,
    /// Keys that wait for the writer.
    pub(crate) keys_waiting: usize,
    /// Keys that the writer is at.
    pub(crate) keys_in_writing: usize,
    /// When something was heard last, as of the flush after it; `None` before the first event.
    pub(crate) heard: Option<Instant>,
    /// Events when that was looked at.
    events: u64,
    /// Writes to the database that succeeded.
    pub(crate) flushes: u64,
    /// What all of them took together.
    pub(crate) flushing: Duration,
    /// When the last one ended, and what it took.
    pub(crate) last_flush: Option<(Instant, Duration)>,
    /// Writes that failed and were tried again.
    pub(crate) write_errors: u64,
}

impl Vitals {
    /// A number that moves with every write that succeeded or failed: with it anything may be different.
    pub(crate) const fn turns(&self) -> u64 {
        self.flushes + self.write_errors
    }

    /// The receiving thread looked at itself.
    pub(crate) fn received(&mut self, queues: Vec<Queue>, keys_waiting: usize, events: u64) {
        self.queues = queues;
        self.keys_waiting = keys_waiting;
        if events > self.events {
            self.heard = Some(Instant::now());
            self.events = events;
        }
    }

    /// The writer begins with so many keys.
    pub(crate) const fn writing(&mut self, keys: usize) {
        self.keys_in_writing = keys;
    }

    /// The writer is done; the try that succeeded took so long.
    pub(crate) fn written(&mut self, took: Duration) {
        self.keys_in_writing = 0;
        self.flushes += 1;
        self.flushing += took;
        self.last_flush = Some((Instant::now(), took));
    }
}

#[cfg(test)]
mod tests {
    use super::Vitals;

    #[test]
    fn news_is_what_was_not_there_at_the_look_before() {
        let mut vitals = Vitals::default();
        vitals.received(Vec::new(), 0, 0);
        assert_eq!(vitals.heard, None);
        vitals.received(Vec::new(), 0, 3);
        let heard = vitals.heard;
        assert!(heard.is_some());
        vitals.received(Vec::new(), 0, 3);
        assert_eq!(vitals.heard, heard);
    }
}
