//! Who a process is, from `/proc/PID/stat`.

/// Flag of a thread of the kernel (`PF_KTHREAD`).
const KERNEL: u64 = 0x0020_0000;

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The name that the kernel has for it, at most 15 bytes; it may hold any byte.
    pub name: Vec<u8>,
    /// Pid of its parent, whichever of the parent's threads forked it; 0 when that is in no namespace of ours.
    pub parent: u32,
    /// When it started, in clock ticks since the machine did. With the pid it names a process for good.
    pub start_ticks: u64,
    /// Whether it is a thread of the kernel.
    pub is_kernel: bool,
    /// Whether it has ended, also when its parent has not waited for it yet.
    pub has_ended: bool,
}

impl Stat {
    /// When it started, in nanoseconds since the machine did, time in sleep included; up to one clock tick too
    /// early.
    #[must_use]
    pub fn started_nanos(&self) -> u64 {
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let nanos = u128::from(self.start_ticks) * 1_000_000_000 / u128::from(per_second);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// Reads the text; `None` when it is none of the kernel's.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        // The name stands in brackets and may hold brackets itself: its end is the last one.
        let open = text.iter().position(|&byte| byte == b'(')?;
        let close = text.iter().rposition(|&byte| byte == b')')?;
        let name = text.get(open + 1..close)?.to_vec();
        let fields: Vec<&str> =
            str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace().collect();
        // Numbered as in proc(5), where the state is the third.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            name,
            has_ended: matches!(field(3)?, "Z" | "X" | "x"),
            parent: field(4)?.parse().ok()?,
            is_kernel: field(9)?.parse::<u64>().ok()? & KERNEL != 0,
            start_ticks: field(22)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    const WORKER: &[u8] = b"4242 (gunicorn: (w) 1) S 4240 4240 3977 34816 4240 4194368 6207 0 5 0 88 21 0 0 20 0 \
        1 0 3314215 56664064 9711 18446744073709551615 1 1 0 0 0 0 0 16781312 134226434 0 0 0 17 1 0 0 0 0 0\n";

    #[test]
    fn a_name_may_hold_brackets_and_spaces() {
        let stat = Stat::parse(WORKER).unwrap();
        assert_eq!(stat.name, b"gunicorn: (w) 1");
        assert_eq!((stat.parent, stat.start_ticks), (4240, 3_314_215));
        assert!(!stat.is_kernel && !stat.has_ended);
    }

    #[test]
    fn threads_of_the_kernel_and_those_that_ended_are_told() {
        let kernel = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0 0";
        assert!(Stat::parse(kernel).unwrap().is_kernel);
        let ended = b"9 (\xff\n) Z 1 9 9 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0 0";
        let ended = Stat::parse(ended).unwrap();
        assert_eq!((ended.has_ended, ended.name), (true, b"\xff\n".to_vec()));
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        for text in [&b""[..], b"1 (x", b"1 (x) S", b")(", b"1 (x) S one 2 3 4 5 6 7"] {
            assert_eq!(Stat::parse(text), None, "{}", text.escape_ascii());
        }
    }
}
