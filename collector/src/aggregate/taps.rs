//! Hits of taps, added up by the place they stand in and by who sent them.

use alive_store::model::{PingRow, Site};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::pending::Full;
use crate::tapped::Tapped;

/// Name, file, line, service and host.
type Key = (Vec<u8>, Vec<u8>, u32, Vec<u8>, Vec<u8>);

/// Sums of one tap, and the places of its last hit that wait for their symbols.
#[derive(Debug, Default, Clone)]
struct Sum {
    row: PingRow,
    place: Option<Site>,
    caller: Option<Site>,
}

/// What was hit since the last time it was taken.
#[derive(Debug, Default)]
pub(super) struct Taps {
    sums: HashMap<Key, Sum>,
    /// Bytes of the keys, which senders choose the length of.
    bytes: usize,
}

impl Taps {
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Bytes held of what senders chose the length of.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a hit; `first_time` when its process was not known to hit this tap.
    pub(super) fn add(&mut self, tapped: Tapped, first_time: bool, room: bool) -> Result<(), Full> {
        // Where nobody told the file, the object that holds the tap stands for it.
        let file = match &tapped.place {
            Some(place) if tapped.file.is_empty() => place.module.clone(),
            _ => tapped.file,
        };
        let sum = match self.sums.entry((tapped.name, file, tapped.line, tapped.service, tapped.host)) {
            Entry::Occupied(sum) => sum.into_mut(),
            Entry::Vacant(_) if !room => return Err(Full),
            Entry::Vacant(vacant) => {
                let (name, file, _, service, host) = vacant.key();
                // Once here, once in the row that is made of it.
                self.bytes += 2 * (name.len() + file.len() + service.len() + host.len());
                let row = PingRow { first_seen_micros: u64::MAX, ..PingRow::default() };
                vacant.insert(Sum { row, ..Sum::default() })
            }
        };
        let row = &mut sum.row;
        row.hits += 1;
        row.processes += u64::from(first_time);
        row.first_seen_micros = row.first_seen_micros.min(tapped.seen_micros);
        if tapped.seen_micros >= row.last_seen_micros {
            row.last_seen_micros = tapped.seen_micros;
            (row.function, row.caller, row.context) = (tapped.function, tapped.caller, tapped.context);
            (sum.place, sum.caller) = (tapped.place, tapped.caller_place);
        }
        Ok(())
    }

    /// Looks up the names of the places that the last hits came from.
    pub(super) fn name_places(&mut self, mut name: impl FnMut(&mut Site)) {
        for sum in self.sums.values_mut() {
            sum.place.iter_mut().chain(&mut sum.caller).for_each(&mut name);
        }
    }

    /// The sums as rows.
    pub(super) fn rows(&self) -> Vec<PingRow> {
        self.sums
            .iter()
            .map(|((name, file, line, service, host), sum)| {
                let mut row = sum.row.clone();
                (row.name, row.file, row.line) = (name.clone(), file.clone(), *line);
                (row.service, row.host) = (service.clone(), host.clone());
                if let (true, Some(place)) = (row.function.is_empty(), &sum.place) {
                    row.function = function(place).to_vec();
                }
                if let (true, Some(caller)) = (row.caller.is_empty(), &sum.caller) {
                    row.caller = words(caller);
                }
                row
            })
            .collect()
    }
}

/// The function that a place lies in, without how far behind its beginning; empty when not known.
fn function(place: &Site) -> &[u8] {
    let symbol = place.symbol.as_deref().unwrap_or_default();
    symbol.rsplit_once('+').map_or(symbol, |(name, _)| name).as_bytes()
}

/// A place in few words: the module's file name and the symbol, or the offset where there is none.
fn words(place: &Site) -> Vec<u8> {
    let mut words = place.module.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
    match &place.symbol {
        Some(symbol) => words.extend(format!(" {symbol}").bytes()),
        None => words.extend(format!("+{:#x}", place.offset).bytes()),
    }
    words
}
