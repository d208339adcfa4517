//! Counting what was lost, and telling when the counts move.

use alive_store::model::Loss;

/// A counter of 32 bits that the kernel lets wrap, as a sum that does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrappingCount {
    last: u32,
}

impl WrappingCount {
    /// Begins where the kernel stands.
    pub(crate) const fn new(now: u32) -> Self {
        Self { last: now }
    }

    /// Where the kernel stood when it was looked at last.
    pub(crate) const fn seen(&self) -> u32 {
        self.last
    }

    /// How far the kernel went since the last call. Right as long as it did not go around in between.
    pub(crate) fn advance(&mut self, now: u32) -> u64 {
        let moved = now.wrapping_sub(self.last);
        self.last = now;
        u64::from(moved)
    }
}

/// The counters by the names that the events file and the store use.
pub(crate) const fn by_name(loss: &Loss) -> [(&'static str, u64); 9] {
    // Taken apart field by field, so that a new counter must be placed here.
    let Loss {
        kernel_drops,
        sequence_gaps,
        malformed,
        truncated,
        unsupported_version,
        over_cap,
        forged,
        not_sent,
        events_file,
    } = *loss;
    [
        ("kernel_drops", kernel_drops),
        ("sequence_gaps", sequence_gaps),
        ("malformed", malformed),
        ("truncated", truncated),
        ("unsupported_version", unsupported_version),
        ("over_cap", over_cap),
        ("forged", forged),
        ("not_sent", not_sent),
        ("events_file", events_file),
    ]
}

/// Remembers what was told of the losses.
#[derive(Debug, Default)]
pub(crate) struct Told {
    highest: [u64; 9],
}

impl Told {
    /// The counters that stand higher than ever told, each with the difference.
    ///
    /// A counter that shrinks, as the gaps do when a number comes late, is not told; nor is its way back.
    pub(crate) fn news(&mut self, loss: &Loss) -> Vec<(&'static str, u64)> {
        let mut news = Vec::new();
        for ((name, now), highest) in by_name(loss).into_iter().zip(&mut self.highest) {
            if now > *highest {
                news.push((name, now - *highest));
                *highest = now;
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_counter_goes_on() {
        let mut count = WrappingCount::new(u32::MAX - 2);
        assert_eq!(count.advance(u32::MAX), 2);
        assert_eq!(count.advance(3), 4);
        assert_eq!(count.advance(3), 0);
    }

    #[test]
    fn each_loss_is_told_once() {
        let mut told = Told::default();
        let loss = |kernel_drops, sequence_gaps| Loss { kernel_drops, sequence_gaps, ..Loss::default() };
        assert_eq!(told.news(&loss(0, 0)), []);
        assert_eq!(told.news(&loss(5, 2)), [("kernel_drops", 5), ("sequence_gaps", 2)]);
        assert_eq!(told.news(&loss(5, 1)), []);
        assert_eq!(told.news(&loss(6, 2)), [("kernel_drops", 1)]);
    }
}
