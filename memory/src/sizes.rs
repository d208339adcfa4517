//! What a process holds, from `smaps_rollup`, or from the sum over `smaps`.

use std::iter::Sum;
use std::ops::Add;

/// What a process holds, in KiB as the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Pages that are in memory, shared ones in full.
    pub rss_kib: u64,
    /// Proportional set size: a page that n processes share counts 1/n. These may be added up over processes.
    pub pss_kib: u64,
    /// Private and as it is in its file: the kernel can drop it and read it again.
    pub private_clean_kib: u64,
    /// Private and written: each process pays for its own.
    pub private_dirty_kib: u64,
    /// Shared and as it is in its file.
    pub shared_clean_kib: u64,
    /// Shared and written, before a fork or in shared memory.
    pub shared_dirty_kib: u64,
    /// In swap.
    pub swap_kib: u64,
}

impl Sizes {
    /// Unique set size: what would be free if this process alone ended.
    #[must_use]
    pub const fn uss_kib(&self) -> u64 {
        self.private_clean_kib.saturating_add(self.private_dirty_kib)
    }

    /// Pages that other processes map too, counted in full.
    #[must_use]
    pub const fn shared_kib(&self) -> u64 {
        self.shared_clean_kib.saturating_add(self.shared_dirty_kib)
    }

    /// Adds up the lines of the text; `None` when none tells a size.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut sizes = Self::default();
        let mut told = false;
        for line in text.split(|&byte| byte == b'\n') {
            if let Some((key, kib)) = figure(line) {
                told |= sizes.add_figure(key, kib);
            }
        }
        told.then_some(sizes)
    }

    /// Adds a figure; false for one that is of no interest.
    pub(crate) fn add_figure(&mut self, key: &[u8], kib: u64) -> bool {
        let sum = match key {
            b"Rss" => &mut self.rss_kib,
            b"Pss" => &mut self.pss_kib,
            b"Private_Clean" => &mut self.private_clean_kib,
            b"Private_Dirty" => &mut self.private_dirty_kib,
            b"Shared_Clean" => &mut self.shared_clean_kib,
            b"Shared_Dirty" => &mut self.shared_dirty_kib,
            b"Swap" => &mut self.swap_kib,
            _ => return false,
        };
        *sum = sum.saturating_add(kib);
        true
    }
}

impl Add for Sizes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            rss_kib: self.rss_kib.saturating_add(other.rss_kib),
            pss_kib: self.pss_kib.saturating_add(other.pss_kib),
            private_clean_kib: self.private_clean_kib.saturating_add(other.private_clean_kib),
            private_dirty_kib: self.private_dirty_kib.saturating_add(other.private_dirty_kib),
            shared_clean_kib: self.shared_clean_kib.saturating_add(other.shared_clean_kib),
            shared_dirty_kib: self.shared_dirty_kib.saturating_add(other.shared_dirty_kib),
            swap_kib: self.swap_kib.saturating_add(other.swap_kib),
        }
    }
}

impl Sum for Sizes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}

/// `Key:   12 kB`; `None` for any other line.
pub(crate) fn figure(line: &[u8]) -> Option<(&[u8], u64)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (key, rest) = line.split_at(colon);
    let number = str::from_utf8(rest.strip_prefix(b":")?).ok()?.trim().strip_suffix(" kB")?;
    Some((key, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    const ROLLUP: &[u8] =
        b"564671ac7000-7fffcea5a000 ---p 00000000 00:00 0                          [rollup]\n\
        Rss:                1776 kB\nPss:                 278 kB\nPss_Dirty:           112 kB\n\
        Shared_Clean:       1620 kB\nShared_Dirty:          4 kB\nPrivate_Clean:        40 kB\n\
        Private_Dirty:       112 kB\nReferenced:         1776 kB\nAnonymous:           112 kB\n\
        Swap:                  8 kB\nSwapPss:               3 kB\nLocked:                0 kB\n";

    #[test]
    fn a_rollup_tells_each_size() {
        let sizes = Sizes::parse(ROLLUP).unwrap();
        assert_eq!((sizes.rss_kib, sizes.pss_kib, sizes.swap_kib), (1776, 278, 8));
        assert_eq!((sizes.uss_kib(), sizes.shared_kib(), sizes.private_dirty_kib), (152, 1624, 112));
    }

    #[test]
    fn where_there_is_no_rollup_the_mappings_are_added_up() {
        let smaps = b"1000-2000 r--p 00000000 fe:00 7 /lib/Private_Dirty: 9 kB\nRss: 4 kB\nPss: 2 kB\nPrivate_Dirty: 1 kB\n\
            VmFlags: rd mr\n2000-3000 rw-p 00000000 00:00 0 \nRss: 8 kB\nPss: 8 kB\nPrivate_Dirty: 8 kB\n";
        let sizes = Sizes::parse(smaps).unwrap();
        assert_eq!((sizes.rss_kib, sizes.pss_kib, sizes.private_dirty_kib), (12, 10, 9));
    }

    #[test]
    fn no_size_is_told_from_size_zero() {
        assert_eq!(Sizes::parse(b""), None);
        assert_eq!(Sizes::parse(b"VmFlags: rd\n"), None);
        assert_eq!(Sizes::parse(b"Rss:  0 kB\n"), Some(Sizes::default()));
    }
}
