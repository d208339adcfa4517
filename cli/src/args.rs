//! What was typed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use alive_report::preload::Ecosystem;
use alive_report::{Thresholds, Verdict};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

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
  2  wrong usage
  3  --fail-on-late, and something was loaded late
  4  no database, or nothing in it
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
}

/// What `alive run` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Keep what was collected in this database instead of a temporary one
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Write every event to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Write the report here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Exit with status 3 when a forked process loaded code
    #[arg(long)]
    pub(crate) fail_on_late: bool,
    #[command(flatten)]
    pub(crate) rule: Rule,
    /// Label of the program in the report, instead of its script's or executable's name
    #[arg(long, value_name = "LABEL")]
    pub(crate) name: Option<OsString>,
    /// When the command went into the background, stay until all its processes have ended
    #[arg(long)]
    pub(crate) follow: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// What `alive report` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only loads seen since: a time back from now (10m, 2h, 1d) or a date (2026-01-31, 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Write the report here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Go on, and write the report anew every so many seconds; on a terminal in the same place
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) watch: Option<u64>,
    #[command(flatten)]
    pub(crate) rule: Rule,
}

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
    pub(crate) format: LineFormat,
}

/// Forms of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// For a person
    #[default]
    Text,
    /// For a program: an object
    Json,
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

/// The report in pictures, beside what is printed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Pictures {
    /// Write the report as one self-contained page for a browser, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write who asked for what as a flame graph (FILE.svg) or as folded stacks (FILE.folded, FILE.txt), too
    #[arg(long, value_name = "FILE", value_parser = flame)]
    pub(crate) flame: Option<Flame>,
}

/// Where stacks go, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flame {
    /// Drawn.
    Svg(PathBuf),
    /// One line each.
    Folded(PathBuf),
}

/// The form follows from the file's name.
fn flame(text: &str) -> Result<Flame, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(OsStr::to_str) {
        Some("svg") => Ok(Flame::Svg(path)),
        Some("folded" | "txt") => Ok(Flame::Folded(path)),
        _ => {
            Err("name a file that ends in .svg for a picture, or in .folded or .txt for folded stacks"
                .to_owned())
        }
    }
}

/// What `alive preload` was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Preload {
    /// Who is to read the list
    #[arg(long = "for", value_name = "WHO", value_parser = ecosystems())]
    pub(crate) ecosystem: Ecosystem,
    /// The collector's database [default: where alive-collector keeps it]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Only the program of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) program: Option<OsString>,
    /// Only what processes of this role loaded, by its name in the report
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Also what few processes load
    #[arg(long)]
    pub(crate) all: bool,
    /// Write the list here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The words for those who read lists.
fn ecosystems() -> impl TypedValueParser<Value = Ecosystem> {
    PossibleValuesParser::new(Ecosystem::ALL.map(Ecosystem::word))
        .try_map(|word| Ecosystem::of_word(&word).ok_or_else(|| format!("{word} is nobody who reads lists")))
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

/// From when on a late load is worth preloading.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "When a late load is worth preloading")]
pub(crate) struct Rule {
    /// When at least so many processes of a role load it; 1 lets a process without siblings count
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().min_processes,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_processes: u64,
    /// And at least so many percent of them; a fifth of it where it is loaded again after respawns
    #[arg(long, value_name = "PERCENT", default_value_t = Thresholds::default().min_share_percent,
        value_parser = clap::value_parser!(u64).range(..=100))]
    pub(crate) min_share: u64,
    /// Or when loading it takes so long: a time such as 10ms, 500us or 1s
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = duration_micros)]
    pub(crate) slow: u64,
}

impl From<Rule> for Thresholds {
    fn from(rule: Rule) -> Self {
        Self { min_processes: rule.min_processes, min_share_percent: rule.min_share, slow_micros: rule.slow }
    }
}

/// Microseconds of a time with its unit.
fn duration_micros(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros = match unit {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        _ => None,
    };
    micros
        .zip(number.parse::<u64>().ok())
        .and_then(|(unit, number)| number.checked_mul(unit))
        .ok_or_else(|| "give a whole number and its unit: us, ms or s, such as 10ms".to_owned())
}

/// A point in time: so long ago, or a date in UTC.
fn since(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let ago = || text.parse::<Span>().ok().and_then(|span| now.checked_sub(span.abs()).ok());
    let date = || text.parse::<DateTime>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| date().or_else(ago).map(|moment| moment.timestamp()))
        .ok_or_else(|| {
            "give a time back from now such as 10m, 2h or 1d, or a date such as 2026-01-31".to_owned()
        })
}

/// How long nothing must have been received from a command that went into the background.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::{Args, Flame, Wanted, duration_micros, flame, since};
    use alive_report::Verdict;
    use clap::{CommandFactory as _, ValueEnum as _};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_duration_has_a_unit() {
        for (text, micros) in [("10ms", 10_000), ("500us", 500), ("2s", 2_000_000), ("0s", 0)] {
            assert_eq!(duration_micros(text), Ok(micros), "{text}");
        }
        for text in
            ["10", "ms", "-1ms", "1.5s", "10 ms", "1h", "99999999999999999999s", "18446744073709551615s"]
        {
            assert!(duration_micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_so_long_ago_or_a_date() {
        let noon = Timestamp::from_second(1_767_268_800).unwrap();
        assert_eq!(since("2026-01-01T12:00:00Z").unwrap(), noon);
        assert_eq!(since("2026-01-01 12:00:00").unwrap(), noon);
        assert_eq!(since("2026-01-01").unwrap(), noon - SignedDuration::from_hours(12));
        for (text, hours) in [("1h", 1), ("90m", 1), ("1d", 24), ("2 days", 48)] {
            let then = since(text).unwrap();
            let ago = Timestamp::now().duration_since(then);
            assert_eq!(ago.as_hours(), hours, "{text}");
        }
        assert!(since("yesterday").is_err());
        assert!(since("2026-13-01").is_err());
    }

    #[test]
    fn every_verdict_can_be_chosen_by_its_word() {
        for verdict in Verdict::ALL {
            let chosen = Wanted::from_str(verdict.word(), false);
            assert!(chosen.is_ok_and(|chosen| chosen.is(verdict)), "{}", verdict.word());
        }
    }

    #[test]
    fn the_form_of_stacks_follows_from_the_files_name() {
        assert_eq!(flame("a/b.svg").unwrap(), Flame::Svg("a/b.svg".into()));
        assert_eq!(flame("b.folded").unwrap(), Flame::Folded("b.folded".into()));
        assert_eq!(flame("b.txt").unwrap(), Flame::Folded("b.txt".into()));
        assert!(flame("b.png").is_err());
        assert!(flame("svg").is_err());
    }
}
