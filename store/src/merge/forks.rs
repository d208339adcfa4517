//! The forks into a role, over all trees and all numbers that the role has in them.

use super::add;
use crate::model::{Bystanders, Role};

/// A row of the table `fork`.
#[derive(Debug)]
pub(crate) struct ForkRow {
    /// Of one tree the higher one is the later one.
    pub(crate) number: u16,
    pub(crate) forks: u64,
    pub(crate) nanos: u64,
    pub(crate) resident_kib: u32,
    /// When the tree last spoke that told the resident size, microseconds since 1970.
    pub(crate) resident_micros: u64,
    pub(crate) bystanders: Option<Bystanders>,
    /// When the tree last spoke that told the last threads and sockets.
    pub(crate) looked_micros: u64,
}

/// What is last is what the tree tells that spoke last, under its highest number.
#[derive(Debug, Default)]
pub(super) struct Forks {
    forks: u64,
    nanos: u64,
    /// When, under which number, and how much.
    resident: (u64, u16, u32),
    /// When, under which number, how many threads and sockets.
    last: (u64, u16, u32, u32),
    bystanders: Option<Bystanders>,
}

impl Forks {
    pub(super) fn add(&mut self, row: ForkRow) {
        self.forks = add(self.forks, row.forks);
        self.nanos = add(self.nanos, row.nanos);
        if row.resident_kib > 0 {
            self.resident = self.resident.max((row.resident_micros, row.number, row.resident_kib));
        }
        let Some(told) = row.bystanders else { return };
        self.last = self.last.max((row.looked_micros, row.number, told.threads, told.sockets));
        self.bystanders.get_or_insert_default().join(&told);
    }

    pub(super) fn finish(&mut self, role: &mut Role) {
        role.processes = self.forks;
        role.fork_nanos = self.nanos;
        role.forker_resident_kib = self.resident.2;
        role.bystanders = self.bystanders.take().map(|all| {
            let (.., threads, sockets) = self.last;
            Bystanders { threads, sockets, ..all }
        });
    }
}
