//! What else ran on the machine while something was measured: where others took part of the processors, whose turn
//! came when says more about them than about what was measured.

use std::fs;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::error::Error;

/// Processors that others may have used on average: what a quiet machine uses by itself.
const QUIET: f64 = 0.1;

/// Kernel ticks of /proc in a second; the same on every architecture that the shim runs on.
const TICKS: f64 = 100.0;

/// The processors and this process, when the watch began.
#[derive(Debug)]
pub(crate) struct Others {
    begin: Instant,
    /// Seconds that all processors were busy.
    busy: f64,
    /// Seconds of them for this process.
    own: f64,
}

impl Others {
    /// Begins to watch.
    pub(crate) fn watch() -> Result<Self, Error> {
        Ok(Self { begin: Instant::now(), busy: busy()?, own: own()? })
    }

    /// Processors that were busy on average since then for anybody but this process and one that used `measured`
    /// seconds.
    pub(crate) fn processors(&self, measured: f64) -> Result<f64, Error> {
        let others = (busy()? - self.busy) - (own()? - self.own) - measured;
        Ok((others / self.begin.elapsed().as_secs_f64()).max(0.0))
    }
}

/// Why what was measured is no measurement, where others used so many processors meanwhile.
pub(crate) fn disturbed(processors: f64) -> Option<Error> {
    (processors > QUIET).then(|| {
        Error::Unavailable(format!(
            "other processes used {processors:.2} processors meanwhile, so this is no measurement: end them, or wait"
        ))
    })
}

fn own() -> Result<f64, Error> {
    seconds(UsageWho::RUSAGE_SELF)
}

/// Seconds on processors, to the millisecond.
pub(crate) fn seconds(whose: UsageWho) -> Result<f64, Error> {
    let usage = getrusage(whose).map_err(Error::os("asking for the time on processors"))?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Exact for weeks.
    Ok(f64::from(u32::try_from(micros / 1_000).unwrap_or(u32::MAX)) / 1e3)
}

fn busy() -> Result<f64, Error> {
    let stat = fs::read_to_string("/proc/stat").map_err(Error::io("reading /proc/stat"))?;
    busy_in(&stat)
        .ok_or_else(|| Error::Unavailable("/proc/stat does not tell how busy the processors are".into()))
}

/// Seconds for programs, and those that a hypervisor took away. Interrupts are nobody's: on loopback they are part of
/// what is measured.
fn busy_in(stat: &str) -> Option<f64> {
    let mut ticks = stat.strip_prefix("cpu ")?.lines().next()?.split_whitespace().map(str::parse::<f64>);
    let mut next = || ticks.next()?.ok();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _waiting, _hard, _soft) = (next()?, next()?, next()?, next()?);
    Some((user + nice + system + next()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::{busy_in, disturbed};

    #[test]
    fn what_programs_and_the_hypervisor_took_is_busy() {
        let stat = "cpu  100 20 3000 9999 77 5 600 40 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_in(stat), Some(31.6));
        assert_eq!(busy_in("intr 5\n"), None);
        assert_eq!(busy_in("cpu 1 2\n"), None);
    }

    #[test]
    fn a_machine_that_others_use_gives_no_measurement() {
        assert!(disturbed(0.05).is_none());
        let said = disturbed(0.9).expect("others used it").to_string();
        assert!(said.contains("0.90 processors"), "{said}");
    }
}
