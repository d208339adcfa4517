//! Taps: what code said that it is alive, and what was expected and never did.
//!
//! A tap that was never hit is evidence against its code only as far as somebody listened, and as far as
//! nothing was lost on the way; so [`Window`] and the loss counters go with every list.

pub(crate) mod json;
pub mod render;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alive_store::model::{Epoch, Loss, PingRow, Snapshot};

/// One tap at one place, over all services and hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tap {
    /// Name.
    pub name: Vec<u8>,
    /// File that it stands in, empty when not told.
    pub file: Vec<u8>,
    /// Line, 0 when not told.
    pub line: u32,
    /// Function of the last hit, empty when not told.
    pub function: Vec<u8>,
    /// Who called that function.
    pub caller: Vec<u8>,
    /// What else came with the last hit.
    pub context: Vec<(Vec<u8>, Vec<u8>)>,
    /// Hits that were told. A client tells one for each process and place unless it is asked for all.
    pub hits: u64,
    /// Distinct processes, an estimate.
    pub processes: u64,
    /// Services that hit it.
    pub services: BTreeSet<Vec<u8>>,
    /// Hosts that it was hit on.
    pub hosts: BTreeSet<Vec<u8>>,
    /// First hit, microseconds since 1970.
    pub first_seen_micros: u64,
    /// Last hit.
    pub last_seen_micros: u64,
}

/// Where the source has a tap.
pub type Place = (Vec<u8>, u32);

/// Names that are expected, each with the places where the source has them.
pub type Expected = BTreeMap<Vec<u8>, Vec<Place>>;

/// A tap that was expected and not hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Name.
    pub name: Vec<u8>,
    /// Where the source has it; empty when only its name was given.
    pub places: Vec<Place>,
    /// The last hit, before the time that was asked for.
    pub last_seen_micros: Option<u64>,
}

/// When somebody listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first time a collector listened, or the time that was asked for if that is later.
    pub since_micros: u64,
    /// The last time it is known to have.
    pub until_micros: u64,
    /// Time in between in which one did.
    pub listened_micros: u64,
    /// One listens still.
    pub is_open: bool,
}

impl Window {
    /// Over all runs of a collector, each only as far as it lies behind `from_micros`.
    #[must_use]
    pub fn of(epochs: &[Epoch], from_micros: u64, now_micros: u64) -> Self {
        let ends: Vec<(u64, u64)> = epochs
            .iter()
            .map(|epoch| {
                let until = if epoch.is_open { now_micros } else { epoch.until_micros };
                (epoch.opened_micros.max(from_micros), until)
            })
            .filter(|(from, until)| from <= until)
            .collect();
        Self {
            since_micros: ends.iter().map(|end| end.0).min().unwrap_or(from_micros),
            until_micros: ends.iter().map(|end| end.1).max().unwrap_or(from_micros),
            listened_micros: ends.iter().fold(0, |sum, (from, until)| sum.saturating_add(until - from)),
            is_open: epochs.last().is_some_and(|epoch| epoch.is_open),
        }
    }

    /// Time between the first and the last moment in which nobody listened.
    #[must_use]
    pub const fn deaf_micros(&self) -> u64 {
        self.until_micros.saturating_sub(self.since_micros).saturating_sub(self.listened_micros)
    }
}

/// What was asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What is expected; `None` when nobody asked.
    pub expected: Option<Expected>,
    /// Only hits by this service; `None` for all.
    pub service: Option<Vec<u8>>,
    /// Only hits since, microseconds since 1970; 0 for all.
    pub since_micros: u64,
    /// The time of the reader, microseconds since 1970.
    pub now_micros: u64,
}

/// Everything about taps that a reader wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taps {
    /// Those that were hit, longest silent first.
    pub taps: Vec<Tap>,
    /// Those that were expected and not hit, by name; `None` when nobody asked.
    pub silent: Option<Vec<Silent>>,
    /// How many names were expected.
    pub expected: usize,
    /// When somebody listened.
    pub window: Window,
    /// Hits before this time are left out, microseconds since 1970; 0 for none.
    pub since_micros: u64,
    /// The time of the reader, microseconds since 1970.
    pub now_micros: u64,
    /// What is known to be lost.
    pub loss: Loss,
    /// Collector runs that ended without a last flush.
    pub unclean_ends: u64,
    /// Hits whose own time could not be believed.
    pub odd_clocks: u64,
}

impl Taps {
    /// Sorts what is stored.
    #[must_use]
    pub fn new(snapshot: Snapshot, asked: &Asked) -> Self {
        let is_wanted = |row: &PingRow| asked.service.as_ref().is_none_or(|service| *service == row.service);
        let taps = merged(snapshot.pings.into_iter().filter(is_wanted));
        let mut last: HashMap<&[u8], u64> = HashMap::new();
        for tap in &taps {
            let seen = last.entry(&tap.name).or_default();
            *seen = tap.last_seen_micros.max(*seen);
        }
        let silent = asked.expected.as_ref().map(|expected| {
            expected
                .iter()
                .map(|(name, places)| (name, places, last.get(name.as_slice()).copied()))
                .filter(|(.., last)| last.is_none_or(|last| last < asked.since_micros))
                .map(|(name, places, last_seen_micros)| Silent {
                    name: name.clone(),
                    places: places.clone(),
                    last_seen_micros,
                })
                .collect()
        });
        let mut taps: Vec<Tap> =
            taps.into_iter().filter(|tap| tap.last_seen_micros >= asked.since_micros).collect();
        taps.sort_by(|one, other| {
            (one.last_seen_micros, &one.name, &one.file).cmp(&(
                other.last_seen_micros,
                &other.name,
                &other.file,
            ))
        });
        Self {
            taps,
            silent,
            expected: asked.expected.as_ref().map_or(0, BTreeMap::len),
            window: Window::of(&snapshot.epochs, asked.since_micros, asked.now_micros),
            since_micros: asked.since_micros,
            now_micros: asked.now_micros,
            loss: snapshot.loss,
            unclean_ends: snapshot.unclean_ends,
            odd_clocks: snapshot.odd_clocks,
        }
    }
}

impl Tap {
    /// How long it was silent, in microseconds.
    #[must_use]
    pub const fn silent_micros(&self, now_micros: u64) -> u64 {
        now_micros.saturating_sub(self.last_seen_micros)
    }
}

/// One tap for each name and place.
fn merged(rows: impl Iterator<Item = PingRow>) -> Vec<Tap> {
    let mut taps: BTreeMap<(Vec<u8>, Vec<u8>, u32), Tap> = BTreeMap::new();
    for row in rows {
        let tap = taps.entry((row.name.clone(), row.file.clone(), row.line)).or_insert_with(|| Tap {
            name: row.name,
            file: row.file,
            line: row.line,
            first_seen_micros: row.first_seen_micros,
            ..Tap::default()
        });
        tap.hits = tap.hits.saturating_add(row.hits);
        tap.processes = tap.processes.saturating_add(row.processes);
        tap.services.extend(Some(row.service).filter(|service| !service.is_empty()));
        tap.hosts.extend(Some(row.host).filter(|host| !host.is_empty()));
        tap.first_seen_micros = tap.first_seen_micros.min(row.first_seen_micros);
        if row.last_seen_micros >= tap.last_seen_micros {
            tap.last_seen_micros = row.last_seen_micros;
            (tap.function, tap.caller, tap.context) = (row.function, row.caller, row.context);
        }
    }
    taps.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, service: &str, last_seen_micros: u64) -> PingRow {
        PingRow {
            name: name.into(),
            service: service.into(),
            hits: 2,
            processes: 1,
            caller: format!("{service}.pl:1").into(),
            first_seen_micros: last_seen_micros,
            last_seen_micros,
            ..PingRow::default()
        }
    }

    fn epoch(opened_micros: u64, until_micros: u64, is_open: bool) -> Epoch {
        Epoch { opened_micros, until_micros, is_open }
    }

    fn asked(names: &[&str], since_micros: u64) -> Asked {
        let expected = names.iter().map(|name| (name.as_bytes().to_vec(), Vec::new())).collect();
        Asked { expected: Some(expected), since_micros, now_micros: 1_000, ..Asked::default() }
    }

    #[test]
    fn services_are_put_together_and_the_last_caller_is_the_last_ones() {
        let pings = vec![row("a", "shop", 20), row("a", "api", 30), row("b", "", 5)];
        let taps = Taps::new(Snapshot { pings, ..Snapshot::default() }, &Asked::default());
        let [b, a] = &taps.taps[..] else { panic!("{taps:?}") };
        assert_eq!((a.hits, a.processes, a.first_seen_micros, a.last_seen_micros), (4, 2, 20, 30));
        assert_eq!(a.services, BTreeSet::from([b"api".to_vec(), b"shop".to_vec()]));
        assert_eq!(a.caller, b"api.pl:1");
        assert!(b.services.is_empty());
        assert_eq!(taps.silent, None);
    }

    #[test]
    fn a_service_alone_is_told_what_it_hit_itself() {
        let pings = vec![row("a", "shop", 20), row("a", "api", 30), row("b", "api", 5)];
        let asked = Asked { service: Some(b"shop".to_vec()), ..Asked::default() };
        let taps = Taps::new(Snapshot { pings, ..Snapshot::default() }, &asked);
        let [a] = &taps.taps[..] else { panic!("{taps:?}") };
        assert_eq!((a.hits, a.last_seen_micros, a.silent_micros(25)), (2, 20, 5));
    }

    #[test]
    fn what_was_expected_and_not_hit_is_told_also_when_it_was_hit_before() {
        let snapshot = || Snapshot { pings: vec![row("a", "", 20), row("b", "", 50)], ..Snapshot::default() };
        let silent = |since| {
            let taps = Taps::new(snapshot(), &asked(&["a", "b", "never"], since));
            assert_eq!(taps.expected, 3);
            let silent = taps.silent.unwrap().into_iter();
            silent
                .map(|silent| (String::from_utf8(silent.name).unwrap(), silent.last_seen_micros))
                .collect::<Vec<_>>()
        };
        assert_eq!(silent(0), [("never".to_owned(), None)]);
        assert_eq!(silent(40), [("a".to_owned(), Some(20)), ("never".to_owned(), None)]);
    }

    #[test]
    fn the_window_counts_only_time_in_which_somebody_listened() {
        let epochs = [epoch(100, 300, false), epoch(600, 650, true)];
        let window = Window::of(&epochs, 0, 1_000);
        assert_eq!((window.since_micros, window.until_micros, window.is_open), (100, 1_000, true));
        assert_eq!((window.listened_micros, window.deaf_micros()), (600, 300));
        let window = Window::of(&epochs, 700, 1_000);
        assert_eq!((window.since_micros, window.listened_micros, window.deaf_micros()), (700, 300, 0));
        assert_eq!(Window::of(&[epoch(100, 300, false)], 0, 1_000).until_micros, 300);
        assert_eq!(Window::of(&[], 7, 9).listened_micros, 0);
    }
}
