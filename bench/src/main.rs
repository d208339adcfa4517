//! What the shim and the collector cost, measured against doing without, in one run.
//!
//! A row ([`rows`]) starts C programs ([`driver`]) that do the same work with and without
//! `libpostfork.so`, gives them their blocks in turns ([`measure`]), and hands in lines
//! ([`table`]) with the bar that each must reach. The bench never fails for a slow figure: what a
//! busy machine measures is for people to judge.
#![forbid(unsafe_code)]

mod bench;
mod collector;
mod daemon;
mod driver;
mod error;
mod history;
mod listener;
mod measure;
mod others;
mod processors;
mod rows;
mod sample;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use bench::{Bench, Effort};
use error::Error;
use rows::{Part, Row};
use table::Entry;

/// Measures what libpostfork.so and alive-collector cost, with and without in turns, and prints a
/// table of ratios with the bar beside each.
#[derive(Debug, Parser)]
#[command(name = "alive-bench", version)]
struct Arguments {
    /// Only the rows of these parts
    #[arg(value_enum, value_name = "PART")]
    parts: Vec<Part>,
    /// Few repetitions: shows that everything works, the figures mean little
    #[arg(long)]
    quick: bool,
    /// Only these rows, beside those of the parts that are named
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROW,...")]
    rows: Vec<Row>,
    /// Write the figures to FILE, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder of the libraries and programs to measure [default: that of this program]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alive-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Error> {
    let artifacts = match arguments.artifacts {
        Some(dir) => dir,
        None => {
            let mut own = std::env::current_exe().map_err(Error::io("finding this program"))?;
            own.pop();
            own
        }
    };
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let bench = Bench::new(effort, artifacts)?;
    let mut rows: Vec<_> = Row::ALL.into_iter().filter(|row| arguments.parts.contains(&row.part())).collect();
    rows.extend(arguments.rows);
    if rows.is_empty() {
        rows.extend(Row::ALL);
    }
    let mut entries = Vec::new();
    for row in rows {
        eprintln!("alive-bench: {} ...", row.name());
        match row.measure(&bench) {
            Ok(lines) => entries.extend(lines.into_iter().map(Entry::Measured)),
            Err(error) => {
                // The table has room for the first sentence only.
                eprintln!("alive-bench: {}: {error}", row.name());
                entries.push(Entry::Skipped { row: row.name(), why: error.to_string() });
            }
        }
    }
    print!("{}", table::text(&entries));
    if let Some(file) = arguments.json {
        let document = format!("{:#}\n", table::json(&entries));
        std::fs::write(&file, document).map_err(Error::io(format!("writing {}", file.display())))?;
    }
    Ok(())
}
