//! `alive`: what a forking daemon loads after the fork, and what to preload.
//!
//! `alive run` goes through these rooms: [`shim`] finds the preload library, [`target`] sees
//! whether it can work in the command (with [`elf`] and [`privilege`]), [`launch`] and
//! [`supervise`] run the command under an embedded collector while [`live`] shows figures, and [`output`] writes the
//! report. `alive report` is the last of these alone; with `--watch`, and as `alive tail`, it goes on looking by
//! [`follow`]. `alive preload` writes a list instead, and `alive check` holds
//! the report against the baseline of [`gate`]. `alive mem` and `alive inspect` ask /proc and need neither library
//! nor collector. `alive taps` looks for taps in a source tree with [`scan`]. [`exit`] chooses every exit status.
#![forbid(unsafe_code)]

mod args;
mod cmd;
mod elf;
mod exit;
mod filter;
mod follow;
mod gate;
mod launch;
mod live;
mod output;
mod privilege;
mod scan;
mod shim;
mod supervise;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Run(args) => cmd::run::run(args),
        Command::Report(args) => cmd::report::run(args),
        Command::Tail(args) => cmd::tail::run(args),
        Command::Preload(args) => cmd::preload::run(args),
        Command::Check(args) => cmd::check::run(args),
        Command::Mem(args) => cmd::mem::run(&args),
        Command::Inspect(args) => cmd::inspect::run(&args),
        Command::Diff(args) => cmd::diff::run(args),
        Command::Ping(args) => cmd::ping::run(&args),
        Command::Taps(args) => cmd::taps::run(args),
    };
    let status = result.unwrap_or_else(|failure| {
        output::say(&failure.to_string());
        failure.status()
    });
    status.into()
}
