//! What is said once a minute at most, however often it happens: a log is no place for a flood.

use std::time::{Duration, Instant};

use crate::confirm::Sender;

/// Shortest time between two lines.
const EVERY: Duration = Duration::from_mins(1);

/// When something was said last.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    said: Option<Instant>,
}

impl Seldom {
    /// Whether it may be said again; then it counts as said.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.said.is_none_or(|at| at.elapsed() >= EVERY);
        if due {
            self.said = Some(Instant::now());
        }
        due
    }
}

/// Trouble that comes and goes: when it was said to be there, and whether it has to be said that it is gone.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    seldom: Seldom,
    is_known: bool,
}

impl Trouble {
    /// It is there; whether to say so.
    pub(crate) fn is_news(&mut self) -> bool {
        let due = self.seldom.is_due();
        self.is_known |= due;
        due
    }

    /// It is gone; whether to say so. Nobody hears of an end whose beginning was not said.
    pub(crate) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.is_known)
    }
}

/// Says that somebody forges.
#[derive(Debug, Default)]
pub(crate) struct Forgeries {
    seldom: Seldom,
    /// Events since it was said.
    events: u64,
}

impl Forgeries {
    pub(crate) fn note(&mut self, events: u64, sender: Option<Sender>) {
        self.events += events;
        if !self.seldom.is_due() {
            return;
        }
        let who = match sender {
            Some(Sender { pid, uid }) => format!("process {pid} of user {uid}"),
            None => "a process that cannot be seen from here".to_owned(),
        };
        tracing::warn!(events = self.events, "{who} claimed to be another process: refused");
        self.events = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_comes_and_goes_is_two_lines_a_minute() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over());
        assert!(trouble.is_news() && !trouble.is_news());
        assert!(trouble.is_over() && !trouble.is_over());
        assert!(!trouble.is_news() && !trouble.is_over());
        let long_ago = Instant::now().checked_sub(EVERY);
        trouble.seldom.said = long_ago;
        assert_eq!((trouble.is_news(), trouble.is_over()), (long_ago.is_some(), long_ago.is_some()));
    }
}
