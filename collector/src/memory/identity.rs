//! Whether the process that has a pid now is the one that spoke.

use alive_memory::maps::Mapping;
use alive_memory::stat::Stat;
use nix::time::{ClockId, clock_gettime};

/// What the preload library is called, whatever stands behind it.
const SHIM: &[u8] = b"libpostfork";

/// How sure it is that a process is the one that spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// It was found to be before.
    Same,
    /// It was there when it spoke; whether the pid is of this namespace is to be seen.
    Likely,
    /// It started later.
    Other,
}

impl Identity {
    /// `spoke_nanos` is the speaker's `CLOCK_MONOTONIC`, `known` the start of the process that was found to be
    /// the one that spoke.
    pub(crate) fn of(stat: &Stat, spoke_nanos: u64, known: Option<u64>) -> Self {
        if known == Some(stat.start_ticks) {
            Self::Same
        } else if stat.started_nanos() <= spoke_nanos.saturating_add(slept_nanos()) {
            Self::Likely
        } else {
            Self::Other
        }
    }
}

/// Whether the preload library is mapped.
pub(crate) fn has_shim(maps: &[Mapping]) -> bool {
    let is_shim =
        |path: &[u8]| path.rsplit(|&byte| byte == b'/').next().is_some_and(|name| name.starts_with(SHIM));
    maps.iter().any(|mapping| mapping.file.is_some() && is_shim(&mapping.path))
}

/// How far `CLOCK_BOOTTIME`, by which the kernel tells when a process started, is ahead of `CLOCK_MONOTONIC`: the
/// machine slept for so long.
fn slept_nanos() -> u64 {
    let nanos = |clock| {
        clock_gettime(clock).map_or(0, |time| {
            let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0))
        })
    };
    // Read in this order the difference is too small rather than too large.
    let boot = nanos(ClockId::CLOCK_BOOTTIME);
    boot.saturating_sub(nanos(ClockId::CLOCK_MONOTONIC))
}

#[cfg(test)]
mod tests {
    use alive_memory::maps::parse;

    use super::{Identity, Stat, has_shim, slept_nanos};

    fn started(seconds: u64) -> Stat {
        let ticks = seconds * 100;
        Stat { name: Vec::new(), parent: 1, start_ticks: ticks, is_kernel: false, has_ended: false }
    }

    #[test]
    fn who_started_after_it_was_heard_did_not_speak() {
        let second = 1_000_000_000;
        let spoke = 50 * second;
        assert_eq!(Identity::of(&started(40), spoke, None), Identity::Likely);
        let later = 51 + slept_nanos() / second + 1;
        assert_eq!(Identity::of(&started(later), spoke, None), Identity::Other);
        assert_eq!(
            Identity::of(&started(later), spoke, Some(4000)),
            Identity::Other,
            "its pid was given to another"
        );
        assert_eq!(Identity::of(&started(40), 0, Some(4000)), Identity::Same);
        assert_eq!(Identity::of(&started(45), spoke, Some(4000)), Identity::Likely, "another one that spoke");
    }

    #[test]
    fn the_library_is_known_by_its_name_also_when_it_was_replaced() {
        let mapped = |path: &str| has_shim(&parse(format!("1-2 r-xp 0 fe:00 7 {path}").as_bytes()));
        assert!(mapped("/opt/alive/libpostfork.so"));
        assert!(mapped("/opt/alive/libpostfork.so (deleted)"));
        assert!(mapped("/opt/libpostfork-0.1.so"));
        assert!(!mapped("/opt/libpostfork/other.so"));
        assert!(!has_shim(&parse(b"1-2 rw-p 0 00:00 0 [libpostfork]")));
    }
}
