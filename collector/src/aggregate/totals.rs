//! What is counted over a collector's whole life.

use alive_store::model::Loss;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Datagrams received.
    pub datagrams: u64,
    /// Events decoded, text lines among them.
    pub events: u64,
    /// Loads.
    pub loads: u64,
    /// Names that were searched for and never found.
    pub missing: u64,
    /// Pings.
    pub pings: u64,
    /// Events that came once more, by their number; nothing else counts them.
    pub duplicates: u64,
    /// What was lost. `sequence_gaps` can shrink: a number that is missing may only be late.
    pub loss: Loss,
}
