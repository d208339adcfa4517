//! The rows, one file each. A new one is a variant here, an arm of `measure`, and a file.

mod burst;
mod child;
mod decode;
mod forks;
mod frames;
mod hear;
mod instructions;
mod million;
mod open_loop;
mod overload;
mod page;
mod parent;
mod receive;
mod report;
mod startup;
mod strace;
mod taps;
mod wide;

use clap::ValueEnum;

use crate::bench::Bench;
use crate::error::Error;
use crate::table::Line;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// open and close in the process that was started
    Parent,
    /// The same in a forked child, of a path that is no code
    Child,
    /// The same of a path that is code: a report each time
    Report,
    /// The same by workers of Perl and of Python, with the stack of their language
    Frames,
    /// Start and end of `true`
    Startup,
    /// Forks of a process with memory
    Forks,
    /// The first request of a worker of gunicorn and of starman
    Burst,
    /// The open loop under strace, which the shim is an alternative to
    Strace,
    /// Instructions of a hooked call, by callgrind
    Instructions,
    /// Reading an event
    Decode,
    /// The receiving thread of the collector
    Receive,
    /// Instructions of that thread for a datagram, by callgrind
    Hear,
    /// A tap in each language
    Taps,
    /// What the collector loses to four busy senders, each run 10 s
    Overload,
    /// A report on a million rows, and the memory that it holds
    Million,
    /// A report on 100,000 different loads, and the memory that it holds
    Wide,
    /// The page of 10,000 loads in a browser
    Page,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// What libpostfork.so costs its program
    Shim,
    /// What the collector does with a datagram, and what it loses
    Collector,
    /// Reports on what was stored
    Report,
    /// Taps
    Taps,
}

impl Row {
    /// Every row, in the order of the table.
    pub(crate) const ALL: [Self; 17] = [
        Self::Parent,
        Self::Child,
        Self::Report,
        Self::Frames,
        Self::Startup,
        Self::Forks,
        Self::Burst,
        Self::Strace,
        Self::Instructions,
        Self::Decode,
        Self::Receive,
        Self::Hear,
        Self::Taps,
        Self::Overload,
        Self::Million,
        Self::Wide,
        Self::Page,
    ];

    /// Which part it is of.
    pub(crate) const fn part(self) -> Part {
        match self {
            Self::Parent
            | Self::Child
            | Self::Report
            | Self::Frames
            | Self::Startup
            | Self::Forks
            | Self::Burst
            | Self::Strace
            | Self::Instructions => Part::Shim,
            Self::Decode | Self::Receive | Self::Hear | Self::Overload => Part::Collector,
            Self::Million | Self::Wide | Self::Page => Part::Report,
            Self::Taps => Part::Taps,
        }
    }

    /// Its word on the command line and in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Child => "child",
            Self::Report => "report",
            Self::Frames => "frames",
            Self::Startup => "startup",
            Self::Forks => "forks",
            Self::Burst => "burst",
            Self::Strace => "strace",
            Self::Instructions => "instructions",
            Self::Decode => "decode",
            Self::Receive => "receive",
            Self::Hear => "hear",
            Self::Taps => "taps",
            Self::Overload => "overload",
            Self::Million => "million",
            Self::Wide => "wide",
            Self::Page => "page",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// When a program or library that it needs is not there or does not work.
    pub(crate) fn measure(self, bench: &Bench) -> Result<Vec<Line>, Error> {
        match self {
            Self::Parent => parent::measure(bench),
            Self::Child => child::measure(bench),
            Self::Report => report::measure(bench),
            Self::Frames => frames::measure(bench),
            Self::Startup => startup::measure(bench),
            Self::Forks => forks::measure(bench),
            Self::Burst => burst::measure(bench),
            Self::Strace => strace::measure(bench),
            Self::Instructions => instructions::measure(bench),
            Self::Decode => Ok(decode::measure(bench)),
            Self::Receive => receive::measure(bench),
            Self::Hear => hear::measure(bench),
            Self::Taps => taps::measure(bench),
            Self::Overload => overload::measure(bench),
            Self::Million => million::measure(bench),
            Self::Wide => wide::measure(bench),
            Self::Page => page::measure(bench),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Row;
    use clap::ValueEnum;

    #[test]
    fn every_row_is_measured_and_bears_its_name_of_the_command_line() {
        assert_eq!(Row::value_variants(), Row::ALL);
        for row in Row::ALL {
            let value = row.to_possible_value().expect("no row is hidden");
            assert_eq!(value.get_name(), row.name());
        }
    }
}
