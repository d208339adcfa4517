//! `alive-collector`: the host's daemon. Reads what it is asked to do, listens to signals, stops.
#![forbid(unsafe_code)]

mod arguments;
mod logging;
mod settings;
mod signals;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use alive_collector::config::LogConfig;
use alive_collector::service::{self, Inherited, Watchdog};
use alive_collector::{Collector, Options, http};
use arguments::Arguments;
use clap::Parser;
use settings::Settings;
use signals::{Signals, Wish};
use tracing_subscriber::EnvFilter;

/// What was asked for is not understood, on the command line or in the file.
const USAGE: u8 = 2;

/// Something about this machine keeps the collector from working.
const ENVIRONMENT: u8 = 5;

fn main() -> ExitCode {
    if let Some(status) = http::write_if_asked() {
        return status;
    }
    let arguments = Arguments::parse();
    let failed = |status: u8, message: &str| {
        eprintln!("alive-collector: {message}");
        ExitCode::from(status)
    };
    let settings = match Settings::read(&arguments) {
        Ok(settings) => settings,
        Err(message) => return failed(USAGE, &message),
    };
    if arguments.check_config {
        return ExitCode::SUCCESS;
    }
    match run(&arguments, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(ENVIRONMENT, &message),
    }
}

fn run(arguments: &Arguments, settings: Settings) -> Result<(), String> {
    // Of a collector that somebody started by hand and gave no file to read again, a hang-up is the end of its terminal.
    let ends_with_terminal = arguments.config.is_none() && io::stderr().is_terminal();
    let inherited = Inherited::take().map_err(|error| {
        format!("a socket that was handed over is not for datagrams: {error}: look at the socket unit")
    })?;
    let has_sockets = !inherited.udp.is_empty();
    settings.make_folder()?;
    let options = settings.options(has_sockets);
    let log = settings.log();
    let change_log = logging::start(settings.filter, log);
    // Caught from here on, so that a signal during the start is a clean end too.
    let mut signals = Signals::catch().map_err(|error| format!("cannot catch signals: {error}"))?;
    let collector = Collector::start_with(&options, inherited).map_err(|error| error.to_string())?;
    say_where(&collector, &options);
    service::ready();
    let watchdog = Watchdog::start(&collector);
    let signal = loop {
        match signals.next() {
            Wish::End(signal) => break signal,
            Wish::Reload if ends_with_terminal => break "SIGHUP",
            Wish::Reload => {
                service::reloading();
                match reload(arguments, has_sockets, &collector) {
                    Ok((new, filter, new_log)) => {
                        change_log(filter);
                        let mut fixed = options.fixed(&new);
                        fixed.extend((new_log.format != log.format).then_some("log.format"));
                        for key in fixed {
                            tracing::warn!("`{key}` is another one now: restart to change it");
                        }
                        tracing::info!("SIGHUP: the settings were read again");
                    }
                    Err(message) => tracing::error!("SIGHUP: the settings stay as they were: {message}"),
                }
                service::ready();
            }
        }
    };
    service::stopping();
    drop(watchdog);
    tracing::info!("{signal}: writing what is left");
    let progress = collector.stop().map_err(|error| error.to_string())?.progress;
    tracing::info!(
        datagrams = progress.datagrams,
        events = progress.events,
        kernel_drops = progress.loss.kernel_drops,
        sequence_gaps = progress.loss.sequence_gaps,
        forged = progress.loss.forged,
        "stopped"
    );
    Ok(())
}

fn reload(
    arguments: &Arguments,
    has_sockets: bool,
    collector: &Collector,
) -> Result<(Options, EnvFilter, LogConfig), String> {
    let settings = Settings::read(arguments)?;
    let options = settings.options(has_sockets);
    collector.change(&options).map_err(|error| error.to_string())?;
    let log = settings.log();
    Ok((options, settings.filter, log))
}

fn say_where(collector: &Collector, options: &Options) {
    for address in collector.addresses() {
        tracing::info!("listening on {address}, writing to {}", options.db.display());
        if !address.ip().is_loopback() {
            tracing::warn!(
                "{address} can be reached from other machines, and UDP carries no identity: \
                 whoever reaches it can make things up"
            );
        }
    }
    for path in collector.paths() {
        tracing::info!("listening at {}, writing to {}", path.display(), options.db.display());
    }
    if let Some(address) = collector.http_address() {
        tracing::info!("the report is shown at http://{address}/");
    }
}
