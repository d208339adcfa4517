//! The events file: every event as a line of JSON, in the order of receipt.
//!
//! The receiving thread copies the datagrams into a bounded queue; a thread of its own decodes them again,
//! looks symbols up and writes. What finds no room in the queue or on the disk is counted.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use alive_store::model::TreeKey;

use crate::line::{Lines, lines_in};
use crate::moment::Moment;
use crate::options::EventsTarget;
use crate::progress::Shared;
use crate::seldom::Seldom;

/// Most bytes of datagrams that wait.
const MAX_WAITING: usize = 16 << 20;

/// Bytes written at once.
const CHUNK: usize = 64 << 10;

/// How long a collector that is to stop waits for whoever reads the other end of a pipe.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
enum Item {
    /// A datagram that ends at this byte of the queue's.
    Datagram { end: usize, at: Moment },
    /// A counter of losses moved.
    Lost { what: &'static str, count: u64, at: Moment },
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    items: Vec<Item>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

impl Queue {
    /// Changes what waits and wakes the thread.
    fn change<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = waiting.items.is_empty();
        let result = change(&mut waiting);
        drop(waiting);
        if asleep {
            self.ready.notify_one();
        }
        result
    }

    /// Takes everything that waits, or waits for something; `None` when it is closed and empty.
    fn take(&self) -> Option<Waiting> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self
            .ready
            .wait_while(waiting, |waiting| waiting.items.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.items.is_empty() {
            return None;
        }
        let closed = waiting.closed;
        Some(std::mem::replace(&mut *waiting, Waiting { closed, ..Waiting::default() }))
    }
}

/// Opens what the events are written to.
pub(crate) fn open(target: &EventsTarget) -> io::Result<Output> {
    let out: Box<dyn Write + Send> = match target {
        EventsTarget::Stdout => Box::new(io::stdout()),
        EventsTarget::File(path) => {
            Box::new(OpenOptions::new().append(true).create(true).mode(0o600).open(path)?)
        }
    };
    Ok(Output { out, torn: false, trouble: Seldom::default() })
}

/// The receiving thread's end.
#[derive(Debug)]
pub(crate) struct EventsWriter {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    done: mpsc::Receiver<()>,
}

impl EventsWriter {
    /// Starts the thread. `rebased` are the roles of each tree that an earlier collector knew to be the root.
    pub(crate) fn start(
        output: Output,
        rebased: Vec<(TreeKey, Vec<u16>)>,
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (finished, done) = mpsc::channel();
        let theirs = (Arc::clone(&queue), Arc::clone(shared));
        thread::Builder::new().name("alive-events".into()).spawn(move || {
            write_all(&theirs.0, Lines::new(rebased), output, &theirs.1);
            drop(finished);
        })?;
        Ok(Self { queue, shared: Arc::clone(shared), done })
    }

    /// Queues a datagram.
    pub(crate) fn datagram(&self, datagram: &[u8], at: Moment) {
        let queued = self.queue.change(|waiting| {
            let end = waiting.bytes.len() + datagram.len();
            let fits = end <= MAX_WAITING;
            if fits {
                waiting.bytes.extend_from_slice(datagram);
                waiting.items.push(Item::Datagram { end, at });
            }
            fits
        });
        if !queued {
            self.shared.lose_lines(lines_in(datagram));
        }
    }

    /// Queues news of a loss.
    pub(crate) fn lost(&self, what: &'static str, count: u64, at: Moment) {
        self.queue.change(|waiting| waiting.items.push(Item::Lost { what, count, at }));
    }

    /// Waits until everything is written, or until nobody seems to read what is written.
    pub(crate) fn finish(self) {
        self.queue.change(|waiting| waiting.closed = true);
        self.queue.ready.notify_one();
        if self.done.recv_timeout(PATIENCE_AT_STOP) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("nobody reads the events: what waits is not written");
            let waiting = self.queue.change(std::mem::take);
            let mut start = 0;
            for item in waiting.items {
                self.shared.lose_lines(match item {
                    Item::Datagram { end, .. } => {
                        lines_in(&waiting.bytes[std::mem::replace(&mut start, end)..end])
                    }
                    Item::Lost { .. } => 0,
                });
            }
        }
    }
}

/// Turns what waits into lines until the queue is closed.
fn write_all(queue: &Queue, mut lines: Lines, mut output: Output, shared: &Shared) {
    let mut text = Vec::new();
    while let Some(waiting) = queue.take() {
        if let Some(other) = shared.take_redirection() {
            output = other;
        }
        lines.follow(&shared.settings().redact);
        let mut start = 0;
        for item in waiting.items {
            match item {
                Item::Datagram { end, at } => {
                    lines.datagram(&waiting.bytes[std::mem::replace(&mut start, end)..end], at, &mut text);
                }
                Item::Lost { what, count, at } => {
                    shared.lose_lines(output.put(&text));
                    text.clear();
                    lines.lost(what, count, at, &mut text);
                    // Not counted when it does not get there: that would be news of a loss again, for ever.
                    output.put(&text);
                    text.clear();
                }
            }
            if text.len() >= CHUNK {
                shared.lose_lines(output.put(&text));
                text.clear();
            }
        }
        shared.lose_lines(output.put(&text));
        text.clear();
    }
}

/// Where lines go.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
    /// Whether the last write ended inside a line.
    torn: bool,
    trouble: Seldom,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl Output {
    /// Writes whole lines; returns how many of them are not there in full.
    fn put(&mut self, text: &[u8]) -> u64 {
        if text.is_empty() {
            return 0;
        }
        match self.try_put(text) {
            Ok(()) => 0,
            Err((rest, error)) => {
                if self.trouble.is_due() {
                    tracing::warn!("cannot write events: {error}: free some space, or stop with the reader");
                }
                let lost = rest.iter().filter(|&&byte| byte == b'\n').count();
                u64::try_from(lost).unwrap_or(u64::MAX)
            }
        }
    }

    fn try_put<'t>(&mut self, text: &'t [u8]) -> Result<(), (&'t [u8], io::Error)> {
        if self.torn {
            // The rest of the torn line is lost; the next one must not continue it.
            self.out.write_all(b"\n").map_err(|error| (text, error))?;
            self.torn = false;
        }
        let mut rest = text;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err((rest, io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.torn = rest[count - 1] != b'\n';
                    rest = &rest[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((rest, error)),
            }
        }
        self.out.flush().map_err(|error| (text, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room left.
    #[derive(Debug, Clone)]
    struct Disk {
        room: usize,
        held: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.held.lock().unwrap().extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_full_disk_cuts_are_counted_and_the_next_ones_stay_whole() {
        let held = Arc::new(Mutex::new(Vec::new()));
        let disk = |room| Box::new(Disk { room, held: Arc::clone(&held) });
        let mut output = Output { out: disk(6), torn: false, trouble: Seldom::default() };
        assert_eq!(output.put(b"one\ntwo\nthree\n"), 2);
        assert_eq!(output.put(b"four\n"), 1);
        output.out = disk(100);
        assert_eq!(output.put(b"five\n"), 0);
        assert_eq!(held.lock().unwrap().as_slice(), b"one\ntw\nfive\n");
    }
}
