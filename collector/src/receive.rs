//! The receiving thread: takes datagrams off the sockets, adds them up, and once in a while hands the
//! sums to the writer. It never waits for a disk.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::aggregate::{Aggregate, Pending};
use crate::confirm::confirm;
use crate::events::EventsWriter;
use crate::local::LocalSocket;
use crate::loss::Told;
use crate::memory::Looker;
use crate::moment::Moment;
use crate::progress::Shared;
use crate::redact::Redactor;
use crate::seldom::{Forgeries, Seldom};
use crate::socket::{Received, Slots, Socket};

/// Longest sleep while nothing comes: so late is a flush or a stop noticed.
const IDLE: u16 = 100;

/// Shortest time between two tries to hand sums to a writer that is busy.
const RETRY: Duration = Duration::from_millis(50);

/// How long a collector that is to stop goes on reading what still comes. What the buffers held when it
/// was told to stop is read in far less; a flood has no end.
const DRAIN: Duration = Duration::from_secs(2);

/// What the thread works with.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) sockets: Vec<Socket>,
    pub(crate) local: Vec<LocalSocket>,
    pub(crate) aggregate: Aggregate,
    pub(crate) batches: SyncSender<Pending>,
    pub(crate) events: Option<EventsWriter>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) flush_every: Duration,
    pub(crate) memory: Option<Looker>,
    pub(crate) forgeries: Forgeries,
    pub(crate) trouble: Seldom,
    /// Where something must not be stored.
    pub(crate) redactor: Option<Redactor>,
    /// Which of the settings it knows.
    pub(crate) changes: Option<u64>,
}

/// Sums that no writer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwritten {
    pub(crate) events: u64,
}

impl Receiver {
    /// Receives until told to stop, then until nothing more is there.
    pub(crate) fn run(mut self) -> Result<(), Unwritten> {
        let mut slots = Slots::new();
        let mut told = Told::default();
        let mut flushed = Instant::now();
        let mut drain_until = None;
        loop {
            self.shared.beat();
            if self.shared.take_anew() {
                self.aggregate.begin_anew();
            }
            self.follow_settings();
            // Looked at before the sockets: what came before the stop is read after it.
            let stopping = self.shared.is_stopping();
            let looks_wanted = self.memory.as_ref().is_some_and(|memory| memory.is_wanted(&self.shared));
            let received = self.receive(&mut slots) + self.receive_local();
            let now = Instant::now();
            let due = now.duration_since(flushed);
            if looks_wanted && received == 0 {
                // Whoever spoke before the looks were wanted is known by now.
                self.tell_speakers();
            }
            if due >= self.flush_every || (self.aggregate.is_filling() && due >= RETRY) {
                self.aggregate.clock_stands_at(Moment::now());
                self.count_losses(&mut told);
                self.tell_speakers();
                self.take_looks();
                flushed = if self.offer() { now } else { now - self.flush_every.saturating_sub(RETRY) };
                self.look_at_itself();
            }
            self.shared.set_totals(self.aggregate.totals());
            if stopping {
                let until = *drain_until.get_or_insert(now + DRAIN);
                if received == 0 || now >= until {
                    return self.finish(&mut told);
                }
            } else if received == 0 {
                self.wait();
            }
        }
    }

    fn follow_settings(&mut self) {
        let changes = Some(self.shared.changes());
        if self.changes != changes {
            self.changes = changes;
            let redact = self.shared.settings().redact;
            self.redactor = (!redact.is_empty()).then(|| Redactor::new(redact));
        }
    }

    /// Takes one batch off each socket; returns how many datagrams came.
    fn receive(&mut self, slots: &mut Slots) -> usize {
        let mut count = 0;
        for socket in &self.sockets {
            let mut at = None;
            let (aggregate, events, redactor) = (&mut self.aggregate, &self.events, &mut self.redactor);
            let received = socket.receive(slots, |received| {
                let at = *at.get_or_insert_with(Moment::now);
                match received {
                    Received::Whole(datagram) => {
                        let datagram = redacted(redactor, datagram);
                        aggregate.hear(datagram, at);
                        if let Some(events) = events {
                            events.datagram(datagram, at);
                        }
                    }
                    Received::Truncated => aggregate.hear_truncated(),
                }
            });
            match received {
                Ok(received) => count += received,
                // Nothing that a datagram socket on this host is known to say. The pause keeps a lasting
                // error from taking a whole core.
                Err(error) => {
                    if self.trouble.is_due() {
                        tracing::error!("cannot receive: {error}");
                    }
                    std::thread::sleep(Duration::from_millis(IDLE.into()));
                }
            }
        }
        count
    }

    /// The same of the sockets in the file system, whose senders are known; returns how many datagrams came.
    fn receive_local(&mut self) -> usize {
        let mut count = 0;
        let (aggregate, events, redactor) = (&mut self.aggregate, &self.events, &mut self.redactor);
        for socket in &self.local {
            let mut confirmed = Vec::new();
            let received = socket.receive(|received, sender| {
                let at = Moment::now();
                let Received::Whole(datagram) = received else { return aggregate.hear_truncated() };
                confirmed.clear();
                let forged = confirm(datagram, sender, &mut confirmed);
                if forged > 0 {
                    self.forgeries.note(forged, sender);
                    aggregate.hear_forged(forged, confirmed.is_empty());
                }
                if forged == 0 || !confirmed.is_empty() {
                    let datagram = redacted(redactor, &confirmed);
                    aggregate.hear(datagram, at);
                    if let Some(events) = events {
                        events.datagram(datagram, at);
                    }
                }
            });
            match received {
                Ok(received) => count += received,
                Err(error) => {
                    if self.trouble.is_due() {
                        tracing::error!("cannot receive from {}: {error}", socket.path().display());
                    }
                    std::thread::sleep(Duration::from_millis(IDLE.into()));
                }
            }
        }
        count
    }

    fn wait(&mut self) {
        let udp = self.sockets.iter().map(AsFd::as_fd);
        let mut fds: Vec<_> = udp
            .chain(self.local.iter().map(AsFd::as_fd))
            .map(|socket| PollFd::new(socket, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, PollTimeout::from(IDLE)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                if self.trouble.is_due() {
                    tracing::error!("cannot wait for datagrams: {error}");
                }
                std::thread::sleep(Duration::from_millis(IDLE.into()));
            }
        }
    }

    /// Asks the kernel and the events file what they lost, and tells the events file of the news.
    fn count_losses(&mut self, told: &mut Told) {
        for socket in &mut self.sockets {
            let dropped = socket.drops();
            self.aggregate.dropped_by_kernel(dropped);
            if let Some(name) = socket.lasting()
                && dropped > 0
            {
                self.aggregate.queue_stands_at(name, socket.drops_seen());
            }
        }
        self.aggregate.lost_lines(self.shared.take_lost_lines());
        if let Some(events) = &self.events {
            let at = Moment::now();
            for (what, count) in told.news(&self.aggregate.totals().loss) {
                events.lost(what, count, at);
            }
        }
    }

    /// Tells who spoke to the thread that looks at their memory. While it is busy they wait.
    fn tell_speakers(&mut self) {
        if let Some(memory) = &mut self.memory
            && memory.is_free()
        {
            memory.tell(self.aggregate.take_speakers(), &self.shared);
        }
    }

    /// Adds the looks at the memory of processes that were taken meanwhile.
    fn take_looks(&mut self) {
        if let Some(memory) = &self.memory {
            memory.looks().for_each(|look| self.aggregate.looked(look));
        }
    }

    /// Notes how full everything is, for whoever watches.
    fn look_at_itself(&self) {
        let queues = self.sockets.iter().map(Socket::queue).collect();
        let (waiting, events) = (self.aggregate.waiting(), self.aggregate.totals().events);
        self.shared.note(|vitals| vitals.received(queues, waiting, events));
    }

    /// Hands the sums to the writer; false when it is busy and they were taken back.
    fn offer(&mut self) -> bool {
        let Some(pending) = self.aggregate.take() else { return true };
        match self.batches.try_send(pending) {
            Ok(()) => true,
            Err(TrySendError::Full(pending) | TrySendError::Disconnected(pending)) => {
                self.aggregate.give_back(pending);
                false
            }
        }
    }

    /// Ends: the events file first, so that what it loses is still written to the database.
    fn finish(mut self, told: &mut Told) -> Result<(), Unwritten> {
        self.count_losses(told);
        self.take_looks();
        if let Some(events) = self.events.take() {
            events.finish();
        }
        self.aggregate.lost_lines(self.shared.take_lost_lines());
        self.shared.set_totals(self.aggregate.totals());
        match self.aggregate.take() {
            Some(pending) => {
                let events = pending.events;
                self.batches.send(pending).map_err(|_| Unwritten { events })
            }
            None => Ok(()),
        }
    }
}

/// The datagram as it may be stored.
fn redacted<'d>(redactor: &'d mut Option<Redactor>, datagram: &'d [u8]) -> &'d [u8] {
    match redactor {
        Some(redactor) => redactor.datagram(datagram),
        None => datagram,
    }
}
