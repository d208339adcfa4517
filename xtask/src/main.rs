//! The project's own commands: `cargo xtask demo`, `test`, `lint`, `bench`, `estimates`, `soak`, `fuzz`, `witness`.
#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod demo;
mod estimates;
mod failure;
mod fuzz;
mod lint;
mod packages;
mod soak;
mod test;
mod witness;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Commands for working on alive. Each prints what it runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build, run a preforking daemon under `alive run`, and check the report it gives
    Demo,
    /// Build, install what the daemon tests need (as root), and run every test
    Test {
        /// Passed on to the test runner, a filter for instance
        #[arg(last = true)]
        runner: Vec<String>,
    },
    /// Formatting, clippy, documentation, who may depend on whom, licences
    Lint,
    /// Build and run the measurements: all, or those of `shim`, `collector`, `report` or `taps`
    Bench {
        /// Passed on to alive-bench, as `collector` or `--rows receive,overload`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        bench: Vec<String>,
    },
    /// Compare what the report says that a late load costs with what it costs without the tracer
    Estimates,
    /// A collector under forks without end: whether memory and database stay as they are
    Soak {
        /// How long
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// Fuzz what reads bytes from anybody, from seeds that are in order; needs cargo-fuzz
    Fuzz {
        /// All of them when none is named
        targets: Vec<fuzz::Target>,
        /// How long each of them runs
        #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
    },
    /// Run other people's test suites with and without the shim, and print what differs
    Witness {
        /// All of them when none is named
        suites: Vec<witness::Suite>,
        /// Only parts whose name holds this; may be given several times
        #[arg(long, value_name = "TEXT")]
        only: Vec<String>,
        /// Instead of suites: who asked for a module, as the interpreters of other Debian releases
        /// tell it and as the shim reports it. All known releases when none is named; needs root
        #[arg(long, value_name = "RELEASE", num_args = 0.., conflicts_with_all = ["suites", "only"])]
        interpreters: Option<Vec<String>>,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Demo => demo::run(),
        Command::Test { runner } => test::run(&runner),
        Command::Lint => lint::run(),
        Command::Bench { bench } => bench::run(&bench),
        Command::Estimates => estimates::run(),
        Command::Soak { minutes } => soak::run(minutes),
        Command::Fuzz { targets, seconds } => fuzz::run(&targets, seconds),
        Command::Witness { interpreters: Some(releases), .. } => witness::interpreters(&releases),
        Command::Witness { suites, only, interpreters: None } => witness::run(&suites, &only),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
