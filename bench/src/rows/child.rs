//! What the shim costs a worker that opens something that is no code, as it does all day.

use super::open_loop::{Process, hook_cost};
use crate::bench::Bench;
use crate::error::Error;
use crate::table::{Bar, Line};

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    hook_cost(bench, "child", Process::Child, Bar::RatioAtMost(1.05))
}
