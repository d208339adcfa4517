//! What the threads tell each other and the caller.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aggregate::Totals;
use crate::events::Output;
use crate::options::{MemoryOptions, Options, Retention};
use crate::redact::Redact;
use crate::vitals::Vitals;

/// How far the collector is; cheap to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Datagrams received.
    pub datagrams: u64,
    /// Events decoded.
    pub events: u64,
    /// Loads heard of.
    pub loads: u64,
    /// Names that were searched for and never found.
    pub missing: u64,
    /// Pings heard.
    pub pings: u64,
    /// Events that came once more and were not counted again.
    pub duplicates: u64,
    /// What was lost since the start. The counters count different things in different ways: never add them up.
    pub loss: alive_store::model::Loss,
    /// Why the database cannot be written at the moment. What is received waits in memory.
    pub write_error: Option<String>,
}

impl From<Totals> for Progress {
    fn from(totals: Totals) -> Self {
        let Totals { datagrams, events, loads, missing, pings, duplicates, loss } = totals;
        Self { datagrams, events, loads, missing, pings, duplicates, loss, write_error: None }
    }
}

/// What may change while a collector runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changeable {
    pub(crate) redact: Arc<Redact>,
    pub(crate) memory: Option<MemoryOptions>,
    pub(crate) retention: Retention,
}

impl Changeable {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            redact: Arc::new(options.redact.clone()),
            memory: options.memory,
            retention: options.retention,
        }
    }
}

/// Shared by the threads of one collector.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    settings: Mutex<Changeable>,
    /// How often they were changed.
    changes: AtomicU64,
    events: Mutex<Option<Output>>,
    stop: AtomicBool,
    totals: Mutex<Totals>,
    write_error: Mutex<Option<String>>,
    vitals: Mutex<Vitals>,
    lost_lines: AtomicU64,
    beats: AtomicU64,
    anew: AtomicBool,
    /// How often somebody asked for looks at the memory at once, and how many of those requests were met.
    looks_wanted: AtomicU64,
    looks_done: AtomicU64,
}

impl Shared {
    pub(crate) fn new(settings: Changeable) -> Self {
        Self { settings: Mutex::new(settings), ..Self::default() }
    }

    /// What holds at the moment.
    pub(crate) fn settings(&self) -> Changeable {
        lock(&self.settings).clone()
    }

    pub(crate) fn change(&self, settings: Changeable) {
        *lock(&self.settings) = settings;
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Moves whenever something else holds.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Events go there from now on.
    pub(crate) fn redirect_events(&self, to: Output) {
        *lock(&self.events) = Some(to);
    }

    /// Where events are to go, if that changed since the last call.
    pub(crate) fn take_redirection(&self) -> Option<Output> {
        lock(&self.events).take()
    }

    /// Asks the threads to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// The database is another one: what the old one was told has to be told again.
    pub(crate) fn begin_anew(&self) {
        self.anew.store(true, Ordering::Release);
    }

    /// Whether that came about since the last call.
    pub(crate) fn take_anew(&self) -> bool {
        self.anew.load(Ordering::Relaxed) && self.anew.swap(false, Ordering::Acquire)
    }

    /// The receiving thread has gone around once more.
    pub(crate) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has, with something to do or without: several times a second as long as it lives.
    pub(crate) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    pub(crate) fn set_totals(&self, totals: &Totals) {
        *lock(&self.totals) = *totals;
    }

    pub(crate) fn set_write_error(&self, error: Option<String>) {
        if error.is_some() {
            self.note(|vitals| vitals.write_errors += 1);
        }
        *lock(&self.write_error) = error;
    }

    /// Notes something that a thread measured of itself.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Vitals)) {
        note(&mut lock(&self.vitals));
    }

    /// What was measured last.
    pub(crate) fn vitals(&self) -> Vitals {
        lock(&self.vitals).clone()
    }

    /// Counts lines that could not be written to the events file.
    pub(crate) fn lose_lines(&self, lines: u64) {
        self.lost_lines.fetch_add(lines, Ordering::Relaxed);
    }

    /// The lines lost since the last call.
    pub(crate) fn take_lost_lines(&self) -> u64 {
        self.lost_lines.swap(0, Ordering::Relaxed)
    }

    /// Asks for looks at the memory of all processes at once; the request's number.
    pub(crate) fn want_looks(&self) -> u64 {
        self.looks_wanted.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The number of the last request.
    pub(crate) fn looks_wanted(&self) -> u64 {
        self.looks_wanted.load(Ordering::Acquire)
    }

    /// A request was met, and those before it.
    pub(crate) fn set_looks_done(&self, request: u64) {
        self.looks_done.fetch_max(request, Ordering::AcqRel);
    }

    pub(crate) fn looks_done(&self) -> u64 {
        self.looks_done.load(Ordering::Acquire)
    }

    pub(crate) fn progress(&self) -> Progress {
        let mut progress = Progress::from(*lock(&self.totals));
        progress.write_error.clone_from(&lock(&self.write_error));
        progress
    }
}

/// A thread that panicked left a value behind that is still a value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
