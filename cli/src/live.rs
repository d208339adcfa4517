//! One line of figures on a terminal while the command runs.

use std::io::IsTerminal as _;

use alive_collector::Progress;
use alive_store::model::Loss;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redrawn at most so often a second.
const REDRAWS: u8 = 4;

/// The line; nothing at all where standard error is no terminal.
#[derive(Debug)]
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    shown: String,
}

impl Live {
    /// Draws nothing yet: a command that loads nothing late is not disturbed.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
            let bar = ProgressBar::with_draw_target(None, target);
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, shown: String::new() }
    }

    /// Shows the figures when they have moved. The terminal is the command's: what did not change
    /// is not drawn again.
    pub(crate) fn show(&mut self, progress: &Progress) {
        let Some(bar) = &self.bar else { return };
        if progress.events == 0 {
            return;
        }
        let text = line(progress);
        if text != self.shown {
            bar.set_message(text.clone());
            bar.tick();
            self.shown = text;
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The figures in a few words.
fn line(progress: &Progress) -> String {
    let mut line = format!("alive: {} late loads", progress.loads);
    if progress.missing > 0 {
        line = format!("{line}, {} searches in vain", progress.missing);
    }
    let lost = at_least_lost(&progress.loss);
    if lost > 0 {
        line = format!("{line}, at least {lost} lost");
    }
    line
}

/// The ways of counting overlap, so the largest alone is sure.
fn at_least_lost(loss: &Loss) -> u64 {
    let Loss {
        kernel_drops,
        sequence_gaps,
        malformed,
        truncated,
        unsupported_version,
        over_cap,
        forged: _,
        not_sent,
        events_file: _,
    } = *loss;
    [kernel_drops, sequence_gaps, malformed, truncated, unsupported_version, over_cap, not_sent]
        .into_iter()
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::line;
    use alive_collector::Progress;

    #[test]
    fn the_line_tells_of_losses_only_where_there_are_some() {
        let mut progress = Progress { loads: 7, ..Progress::default() };
        assert_eq!(line(&progress), "alive: 7 late loads");
        progress.missing = 2;
        progress.loss.kernel_drops = 5;
        progress.loss.sequence_gaps = 9;
        assert_eq!(line(&progress), "alive: 7 late loads, 2 searches in vain, at least 9 lost");
    }
}
