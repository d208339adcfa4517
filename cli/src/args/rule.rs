//! The numbers behind the verdicts.

use alive_report::Thresholds;

use super::moment::duration_micros;

/// From when on a late load is worth preloading.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "When a late load is worth preloading")]
pub(crate) struct Rule {
    #[command(flatten)]
    pub(crate) share: Share,
    /// Or when one dlopen takes so long: a time such as 10ms, 500us or 1s
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = duration_micros)]
    pub(crate) slow: u64,
}

/// How many processes are enough.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "When a late load is worth preloading")]
pub(crate) struct Share {
    /// When at least so many processes of a role load it; 1 lets a process without siblings count
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().min_processes,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_processes: u64,
    /// And at least so many percent of them; a fifth of it where it is loaded again after respawns
    #[arg(long, value_name = "PERCENT", default_value_t = Thresholds::default().min_share_percent,
        value_parser = clap::value_parser!(u64).range(..=100))]
    pub(crate) min_share: u64,
}

impl From<Rule> for Thresholds {
    fn from(rule: Rule) -> Self {
        Self { slow_micros: rule.slow, ..rule.share.into() }
    }
}

impl From<Share> for Thresholds {
    fn from(share: Share) -> Self {
        Self { min_processes: share.min_processes, min_share_percent: share.min_share, ..Self::default() }
    }
}
