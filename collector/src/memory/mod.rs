//! Looks at the memory of the processes that report, as far as that may be done.
//!
//! The receiving thread hands over who spoke ([`Looker::tell`]); the `schedule` says whose turn it is; this thread
//! asks /proc and hands its looks back. It waits for nobody and nobody waits for it, so a process that is slow to
//! read costs the receiving thread nothing.
//!
//! A pid may be another process by now, or another one from the beginning: a process in a container tells the pid
//! that it has there. So a process is believed to be the one that spoke only when it started before it spoke and
//! has the preload library mapped.

mod identity;
mod schedule;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use alive_memory::{Process, Sizes};
use alive_store::model::MemoryFigures;

use crate::aggregate::{Looked, Speaker};
use crate::moment::Moment;
use crate::options::MemoryOptions;
use crate::progress::Shared;
use identity::Identity;
use schedule::{Key, Schedule};

/// Between a look and the next one at least so many times as long as the look took: the processes must be worth
/// more than what it costs to look at them.
const REST: u32 = 50;

/// Longest sleep while there is nobody to look at.
const IDLE: Duration = Duration::from_secs(60);

/// Pause between two questions whose turn it is while it is nobody's.
const AROUND: Duration = Duration::from_millis(250);

/// Looks that were asked for at once are given up after this time: whoever asked waits no longer.
const HURRY: Duration = Duration::from_secs(1);

/// Age of a look from which another one is taken when looks are asked for at once.
const STALE: Duration = Duration::from_secs(1);

/// What the receiving thread tells.
#[derive(Debug)]
struct Notice {
    speakers: Vec<Speaker>,
    /// Number of the request to look at all of them at once; 0: none.
    request: u64,
}

/// The receiving thread's end.
#[derive(Debug)]
pub(crate) struct Looker {
    notices: SyncSender<Notice>,
    looks: Receiver<Looked>,
    told: u64,
    /// Speakers that the thread was too busy to take.
    waiting: Vec<Speaker>,
}

/// The looking thread's end.
#[derive(Debug)]
pub(crate) struct Thread {
    notices: Receiver<Notice>,
    found: Sender<Looked>,
    shared: Arc<Shared>,
    schedule: Schedule<Speaker>,
    pause: Duration,
    /// Which of the settings it knows.
    changes: u64,
    looks: bool,
}

/// Pause between two looks.
fn pause(options: MemoryOptions) -> Duration {
    Duration::from_secs(1) / options.per_second.max(1)
}

/// Both ends.
pub(crate) fn channel(options: MemoryOptions, shared: &Arc<Shared>) -> (Looker, Thread) {
    let (notices, told) = mpsc::sync_channel(1);
    let (looks, taken) = mpsc::channel();
    let thread = Thread {
        notices: told,
        found: looks,
        changes: shared.changes(),
        shared: Arc::clone(shared),
        schedule: Schedule::new(options.quiet, options.every),
        pause: pause(options),
        looks: true,
    };
    (Looker { notices, looks: taken, told: 0, waiting: Vec::new() }, thread)
}

impl Looker {
    /// Whether looks are asked for at once and the thread does not know it yet.
    pub(crate) fn is_wanted(&self, shared: &Shared) -> bool {
        shared.looks_wanted() > self.told
    }

    /// Whether the thread took what it was told before, so that no more can pile up here.
    pub(crate) fn is_free(&mut self) -> bool {
        self.waiting.is_empty() || self.offer(0)
    }

    /// Tells the thread who spoke, and when looks are asked for at once.
    pub(crate) fn tell(&mut self, speakers: Vec<Speaker>, shared: &Shared) {
        let wanted = shared.looks_wanted();
        let request = if wanted > self.told { wanted } else { 0 };
        self.waiting = speakers;
        if request > 0 {
            if self.offer(request) {
                self.told = request;
            }
        } else if !self.waiting.is_empty() {
            self.offer(0);
        }
    }

    fn offer(&mut self, request: u64) -> bool {
        let notice = Notice { speakers: std::mem::take(&mut self.waiting), request };
        match self.notices.try_send(notice) {
            Ok(()) => true,
            Err(mpsc::TrySendError::Full(notice) | mpsc::TrySendError::Disconnected(notice)) => {
                self.waiting = notice.speakers;
                false
            }
        }
    }

    /// The looks since the last call.
    pub(crate) fn looks(&self) -> impl Iterator<Item = Looked> {
        self.looks.try_iter()
    }
}

impl Thread {
    /// Looks until the receiving thread is gone.
    pub(crate) fn run(mut self) {
        let mut next = Instant::now();
        let mut nobody_was_due = false;
        loop {
            let wait = match (self.schedule.is_empty(), nobody_was_due) {
                (true, _) => IDLE,
                (false, true) => self.pause.max(AROUND),
                (false, false) => next.saturating_duration_since(Instant::now()).max(self.pause),
            };
            match self.notices.recv_timeout(wait) {
                Ok(notice) => {
                    self.follow_settings();
                    let now = Instant::now();
                    notice
                        .speakers
                        .into_iter()
                        .filter(|_| self.looks)
                        .for_each(|speaker| self.schedule.hear(key(&speaker), speaker, now));
                    if notice.request > 0 {
                        self.hurry();
                        self.shared.set_looks_done(notice.request);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if now < next {
                continue;
            }
            let due = self.schedule.due(now);
            nobody_was_due = due.is_none();
            if let Some(speaker) = due {
                self.look(speaker);
                next = now + self.pause.max(now.elapsed() * REST);
            }
        }
    }

    fn follow_settings(&mut self) {
        let changes = self.shared.changes();
        if self.changes == changes {
            return;
        }
        self.changes = changes;
        let options = self.shared.settings().memory;
        self.looks = options.is_some();
        match options {
            Some(options) => {
                self.pause = pause(options);
                self.schedule.change(options.quiet, options.every);
            }
            None => self.schedule.forget_all(),
        }
    }

    /// Looks at everybody at once, those that nobody looked at first.
    fn hurry(&mut self) {
        let until = Instant::now() + HURRY;
        for speaker in self.schedule.stale(Instant::now(), STALE) {
            if Instant::now() >= until {
                break;
            }
            self.look(speaker);
        }
    }

    fn look(&mut self, speaker: Speaker) {
        let key = key(&speaker);
        let Some((start_ticks, figures)) = look_at(&speaker, self.schedule.start_ticks(key)) else {
            self.schedule.forget(key);
            return;
        };
        self.schedule.looked(key, start_ticks, Instant::now());
        let seen_micros = Moment::now().wall_micros;
        // The receiving thread that is gone needs no look.
        let _ = self.found.send(Looked { speaker, start_ticks, seen_micros, figures });
    }
}

const fn key(speaker: &Speaker) -> Key {
    (speaker.tree, speaker.pid)
}

/// When the process started and what it holds; `None` when it is gone, or was never the one that spoke.
fn look_at(speaker: &Speaker, known: Option<u64>) -> Option<(u64, Option<MemoryFigures>)> {
    let process = Process::open(speaker.pid).ok()?;
    let stat = process.stat().ok()?;
    let sizes = match Identity::of(&stat, speaker.monotonic_nanos, known) {
        Identity::Other => return None,
        Identity::Same => process.sizes(),
        Identity::Likely => process.maps().and_then(|maps| {
            if identity::has_shim(&maps) { process.sizes() } else { Err(alive_memory::Unread::Ended) }
        }),
    };
    match sizes {
        Ok(sizes) => Some((stat.start_ticks, Some(figures(&sizes)))),
        Err(reason) if reason.is_permission() => Some((stat.start_ticks, None)),
        Err(_) => None,
    }
}

fn figures(sizes: &Sizes) -> MemoryFigures {
    MemoryFigures {
        pss_kib: sizes.pss_kib,
        uss_kib: sizes.uss_kib(),
        private_dirty_kib: sizes.private_dirty_kib,
        shared_kib: sizes.shared_kib(),
        swap_kib: sizes.swap_kib,
    }
}
