//! Which process has hit which tap before: so that processes are counted, not hits.

use super::recent::{Near, Recent};

/// Most pairs of a process and a tap that are remembered. One that was forgotten counts again.
const MAX_TELLERS: usize = 131_072;

/// The processes that hit taps lately.
#[derive(Debug)]
pub(super) struct Tellers(Recent<u64, ()>);

/// A hash has no neighbours: any of its bits will do.
impl Near for u64 {
    fn near(&self) -> u32 {
        let [a, b, c, d, ..] = self.to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }
}

impl Tellers {
    pub(super) fn new() -> Self {
        Self(Recent::new(MAX_TELLERS))
    }

    /// Whether this pair of a process and a tap, as a hash, was not seen lately.
    pub(super) fn first_time(&mut self, pair: u64) -> bool {
        let known = self.0.contains(&pair);
        if !known && self.0.is_full() {
            self.0.forget(|()| ());
        }
        self.0.get_or_insert_with(pair, || ());
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_new_to_a_tap_once_and_the_memory_is_bounded() {
        let mut tellers = Tellers::new();
        assert!(tellers.first_time(7));
        assert!(!tellers.first_time(7));
        for pair in 1_000..1_000 + u64::try_from(MAX_TELLERS).unwrap() {
            assert!(tellers.first_time(pair));
        }
        assert!(tellers.0.len() <= MAX_TELLERS);
        assert!(tellers.first_time(7), "forgotten");
    }
}
