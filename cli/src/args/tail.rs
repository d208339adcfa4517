//! `alive tail`.

use std::ffi::OsString;
use std::path::PathBuf;

use alive_report::Verdict;
use clap::ValueEnum;

use super::Form;

/// What `alive tail` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only the role of this id, as the report names it
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Only what this is to be done about
    #[arg(long, value_enum)]
    pub(crate) verdict: Option<Wanted>,
    /// How many of the loads before now to begin with
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Form of each line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Form,
}

/// A verdict to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wanted {
    /// Loaded by many: load it before the fork
    Preload,
    /// Loaded by few
    LeaveLazy,
    /// Searched for and never found
    Optional,
    /// Loaded on the way into the background
    AlreadyShared,
}

impl Wanted {
    /// Whether it is this one.
    pub(crate) fn is(self, verdict: Verdict) -> bool {
        self.to_possible_value().is_some_and(|word| word.get_name() == verdict.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;
    use alive_report::Verdict;
    use clap::ValueEnum as _;

    #[test]
    fn every_verdict_can_be_chosen_by_its_word() {
        for verdict in Verdict::ALL {
            let chosen = Wanted::from_str(verdict.word(), false);
            assert!(chosen.is_ok_and(|chosen| chosen.is(verdict)), "{}", verdict.word());
        }
    }
}
