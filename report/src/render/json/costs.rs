//! What a load costs.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::object::Object;
use crate::cost::Cost;

/// A cost, as it is written: a score ranks, and is told beside the figures where it does.
#[derive(Serialize)]
pub(super) struct Figures {
    files: u64,
    bytes: u64,
    micros: u64,
    cpu_micros: u64,
    faults: u64,
    estimated: bool,
    private_kib: u64,
}

impl From<Cost> for Figures {
    fn from(cost: Cost) -> Self {
        Self {
            files: cost.files,
            bytes: cost.bytes,
            micros: cost.micros,
            cpu_micros: cost.cpu_micros,
            faults: cost.faults,
            estimated: cost.is_estimate,
            private_kib: cost.private_kib,
        }
    }
}

/// Puts what a load costs a process by itself, and with all that it brought.
pub(super) fn put<M: SerializeMap>(out: &mut Object<M>, own: Cost, total: Cost) -> Result<(), M::Error> {
    out.put("own", &Figures::from(own))?;
    out.put("total", &Figures::from(total))
}
