//! What the shim costs a process that did not fork: the price of being preloaded at all.

use super::open_loop::{Process, hook_cost};
use crate::bench::Bench;
use crate::error::Error;
use crate::table::{Bar, Line};

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    hook_cost(bench, "parent", Process::Parent, Bar::RatioAtMost(1.02))
}
