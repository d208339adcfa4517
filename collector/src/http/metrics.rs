//! `/metrics`: what the collector counts and measures of itself. Counts only: no path, name or label of a traced
//! program stands here, for metrics are kept for long and shown to many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Subject;
use super::exposition::{Exposition, Kind};
use super::stored::Stored;
use crate::loss;
use crate::progress::Progress;
use crate::vitals::{Queue, Vitals};

/// See the module.
#[derive(Debug)]
pub(super) struct Metrics {
    stored: Stored,
    subject: Subject,
    /// The highest that each loss was seen at: a number that is missing may only be late, and then comes off again, while
    /// a counter may not shrink.
    highest: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    pub(super) fn new(stored: Stored, subject: Subject) -> Self {
        Self { stored, subject, highest: Mutex::default() }
    }

    /// All of them.
    pub(super) async fn text(&self) -> String {
        let counts = self.stored.counts().await;
        let (progress, vitals) = (self.subject.shared.progress(), self.subject.shared.vitals());
        let mut text = Exposition::default();
        self.identity(&mut text);
        self.received(&progress, &mut text);
        self.queues(&vitals, &mut text);
        written(&progress, &vitals, &mut text);
        if let Some(counts) = counts {
            text.family(Kind::Gauge, "alive_stored_rows", "Rows in the database, by what they are about.")
                .sample("", &[("kind", "program_run")], counts.trees)
                .sample("", &[("kind", "role")], counts.roles)
                .sample("", &[("kind", "load")], counts.loads)
                .sample("", &[("kind", "search")], counts.missing)
                .sample("", &[("kind", "execution")], counts.executed);
            text.single(
                Kind::Gauge,
                "alive_taps",
                "Taps that were hit, each place, service and host once.",
                counts.taps,
            );
        }
        let mut sizes = text.family(Kind::Gauge, "alive_database_bytes", "Size of the database's files.");
        for (file, bytes) in self.stored.bytes() {
            sizes.sample("", &[("file", file)], bytes);
        }
        text.into_text()
    }

    fn identity(&self, text: &mut Exposition) {
        text.family(Kind::Gauge, "alive_build_info", "Always 1; the label tells the version.").sample(
            "",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        text.single(
            Kind::Gauge,
            "alive_epoch_start_time_seconds",
            "Since when this collector listens, in seconds since 1970.",
            Duration::from_micros(self.subject.up_since.wall_micros).as_secs_f64(),
        );
    }

    fn received(&self, progress: &Progress, text: &mut Exposition) {
        for (name, help, value) in [
            ("alive_datagrams_received_total", "Datagrams received.", progress.datagrams),
            ("alive_events_total", "Events read from them, taps among them.", progress.events),
            ("alive_loads_total", "Events that tell of a load.", progress.loads),
            (
                "alive_missing_total",
                "Events that tell of a name that was searched for and not found.",
                progress.missing,
            ),
            ("alive_pings_total", "Hits of taps.", progress.pings),
            (
                "alive_duplicates_total",
                "Events that came once more and were not counted again.",
                progress.duplicates,
            ),
        ] {
            text.single(Kind::Counter, name, help, value);
        }
        let mut lost = text.family(
            Kind::Counter,
            "alive_lost_total",
            "What was lost, by how that was noticed. The kinds count different things and overlap: never add them up.",
        );
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, now) in loss::by_name(&progress.loss) {
            let highest = highest.entry(kind).or_default();
            *highest = now.max(*highest);
            lost.sample("", &[("kind", kind)], *highest);
        }
    }

    fn queues(&self, vitals: &Vitals, text: &mut Exposition) {
        let mut family = |name, help, figure: fn(&Queue) -> u32| {
            let mut family = text.family(Kind::Gauge, name, help);
            for (queue, address) in vitals.queues.iter().zip(&self.subject.listens_at) {
                family.sample("", &[("listen", address)], figure(queue));
            }
        };
        family(
            "alive_receive_buffer_bytes",
            "Room of the receive buffer, in the kernel's bytes: a datagram counts with its bookkeeping.",
            |queue| queue.size,
        );
        family(
            "alive_receive_buffer_filled_bytes",
            "Bytes that waited in the receive buffer at the last flush.",
            |queue| queue.filled,
        );
    }
}

/// What became of what was received.
fn written(progress: &Progress, vitals: &Vitals, text: &mut Exposition) {
    let now = Instant::now();
    let age = |then: Instant| now.duration_since(then).as_secs_f64();
    text.single(
        Kind::Gauge,
        "alive_keys_waiting",
        "Sums that are in memory and not in the database yet.",
        vitals.keys_waiting + vitals.keys_in_writing,
    );
    text.family(Kind::Summary, "alive_flush_duration_seconds", "Time that writes to the database took.")
        .sample("_sum", &[], vitals.flushing.as_secs_f64())
        .sample("_count", &[], vitals.flushes);
    if let Some((ended, took)) = vitals.last_flush {
        text.single(
            Kind::Gauge,
            "alive_last_flush_duration_seconds",
            "Time that the last write took.",
            took.as_secs_f64(),
        );
        text.single(
            Kind::Gauge,
            "alive_last_flush_age_seconds",
            "Time since the last write; nothing is written while nothing is received.",
            age(ended),
        );
    }
    if let Some(heard) = vitals.heard {
        text.single(
            Kind::Gauge,
            "alive_newest_event_age_seconds",
            "Time since the last event, as of the flush after it; not there before the first one.",
            age(heard),
        );
    }
    text.single(
        Kind::Counter,
        "alive_write_errors_total",
        "Tries to write to the database that failed.",
        vitals.write_errors,
    );
    text.single(
        Kind::Gauge,
        "alive_database_writable",
        "1, or 0 while the last try to write has failed.",
        u8::from(progress.write_error.is_none()),
    );
}
