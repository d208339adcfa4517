//! What was typed: the commands here, what each was asked in a file of its own, and [`moment`] and [`rule`] for
//! what several are asked.

mod check;
mod diff;
mod mem;
mod moment;
mod pictures;
mod preload;
mod report;
mod rule;
mod run;
mod tail;
mod taps;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use check::Check;
pub(crate) use diff::Diff;
pub(crate) use mem::{Inspect, Mem};
pub(crate) use pictures::{Flame, Pictures};
pub(crate) use preload::Preload;
pub(crate) use report::Report;
pub(crate) use rule::{Rule, Share};
pub(crate) use run::{QUIET, Run};
pub(crate) use tail::Tail;
pub(crate) use taps::{Ping, Taps};

/// Shows what a forking daemon loads after the fork, who asks for it, and what to preload.
#[derive(Debug, Parser)]
#[command(name = "alive", version, after_help = EXIT_STATUSES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUSES: &str = "\
Exit status:
  0  well
  1  `alive check` found late loads that the baseline lacks
  2  wrong usage, or a baseline that cannot be read
  3  `alive run --fail-on-late`, and something was loaded late;
     `alive run --baseline`, and something that the baseline lacks
  4  no database, or nothing in it; no such process
  5  this machine or program does not allow it; the message says why
  `alive run` otherwise ends as its command does: 128 + N for signal N,
  127 when there is no such command, 126 when it cannot be executed";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a daemon and report what it loads late
    ///
    /// Runs a command under the preload library and an embedded collector, and reports when it
    /// ends. The command keeps the terminal, its standard streams and its process group, and the
    /// signals that are sent to alive are passed on to it. Run it in the foreground (leave -D,
    /// --daemonize and the like out), so that alive sees it end.
    Run(Run),
    /// Report what a collector has stored
    ///
    /// Reads the database of a collector, which may be running meanwhile.
    Report(Report),
    /// Print late loads as they happen
    ///
    /// Follows the database of a collector, which may end and start again meanwhile. Ends on Ctrl-C, or when
    /// nobody reads what it prints.
    Tail(Tail),
    /// Write what to load before the fork, ready to be pasted
    ///
    /// Takes what the report calls worth preloading and writes it in the words of a language or of
    /// a server. Comments say where it goes, why it was chosen, and what was left out.
    Preload(Preload),
    /// Fail when something is loaded late that is not accepted yet
    ///
    /// Holds what a collector has stored against a baseline, a text file that lists the late loads
    /// that are accepted. Prints what is new (+) and what is gone (-). Only what is new and worth
    /// preloading fails the check: a file that few processes load may turn up by chance.
    Check(Check),
    /// Show what a running daemon's processes hold in memory
    ///
    /// Shows for a process and everything below it what it holds alone and what it shares, by /proc. The
    /// daemon need not run under alive. Other users' processes can be read by root alone.
    Mem(Mem),
    /// Show which libraries a running daemon's workers map and their parent does not
    ///
    /// Compares by /proc what is mapped into each process and into its children. The daemon need not run
    /// under alive. Other users' processes can be read by root alone.
    Inspect(Inspect),
    /// Show what changed between two databases, before a change and after it
    ///
    /// Compares what each program loads late, what its processes hold and what its forks cost. Keep the database
    /// of a run with `alive run --db FILE`, and let both runs do the same work.
    Diff(Diff),
    /// Tell a collector that something is alive
    ///
    /// Sends one datagram, for scripts and cron, and never waits: whether anybody listens is not known.
    /// The address is that of `ALIVE_ADDR`; with `ALIVE_OFF=1` nothing is sent.
    Ping(Ping),
    /// List the taps: when and by whom each was last hit, and which never were
    Taps(Taps),
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    #[default]
    Table,
    /// For a program
    Json,
    /// For a spreadsheet: one line for each finding
    Csv,
}

/// Forms of everything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For a person
    #[default]
    Table,
    /// For a program
    Json,
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
