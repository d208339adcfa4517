//! `alive-collector`: the host's daemon. Reads what it is asked to do, waits for a signal, stops.
#![forbid(unsafe_code)]

mod arguments;
mod logging;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;

use alive_collector::config::Config;
use alive_collector::service::{self, Inherited, Watchdog};
use alive_collector::{Collector, Options, default_database, http};
use arguments::Arguments;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// What was asked for is not understood, on the command line or in the file.
const USAGE: u8 = 2;

/// Something about this machine keeps the collector from working.
const ENVIRONMENT: u8 = 5;

fn main() -> ExitCode {
    if let Some(status) = http::write_if_asked() {
        return status;
    }
    let arguments = Arguments::parse();
    let only_check = arguments.check_config;
    let failed = |status: u8, message: &str| {
        eprintln!("alive-collector: {message}");
        ExitCode::from(status)
    };
    let config = match settings(arguments) {
        Ok(config) => config,
        Err(message) => return failed(USAGE, &message),
    };
    if only_check {
        return ExitCode::SUCCESS;
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(ENVIRONMENT, &message),
    }
}

/// What the flags and the file ask for. From here on things are said in the log.
fn settings(arguments: Arguments) -> Result<Config, String> {
    let file =
        arguments.file().map(|file| Config::read(&file)).transpose().map_err(|error| error.to_string())?;
    let only_check = arguments.check_config;
    let (flags, file) = (arguments.told(), file.unwrap_or_default());
    let filter = logging::filter(flags.log.level, file.log.level)?;
    let config = flags.or(file);
    if !only_check {
        logging::start(filter, config.log);
    }
    Ok(config)
}

fn run(config: Config) -> Result<(), String> {
    let inherited = Inherited::take().map_err(|error| {
        format!("a socket that was handed over is not for datagrams: {error}: look at the socket unit")
    })?;
    let options = options(config, !inherited.udp.is_empty())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    // Caught from here on, so that a signal during the start is a clean end too.
    let stopped = {
        let _entered = runtime.enter();
        let handler = |kind| signal(kind).map_err(|error| format!("cannot catch signals: {error}"));
        let (mut terminate, mut interrupt) =
            (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
        async move {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        }
    };
    let collector = Collector::start_with(&options, inherited).map_err(|error| error.to_string())?;
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
    service::ready();
    let watchdog = Watchdog::start(&collector);
    let signal = runtime.block_on(stopped);
    service::stopping();
    drop(watchdog);
    tracing::info!("{signal}: writing what is left");
    let progress = collector.stop().map_err(|error| error.to_string())?.progress;
    tracing::info!(
        datagrams = progress.datagrams,
        events = progress.events,
        kernel_drops = progress.loss.kernel_drops,
        sequence_gaps = progress.loss.sequence_gaps,
        "stopped"
    );
    Ok(())
}

/// What a collector is to do, which was handed sockets or was not.
fn options(config: Config, has_sockets: bool) -> Result<Options, String> {
    if config.db.is_none() {
        make_folder(&default_database())?;
    }
    let asked_to_listen = config.listen.is_some();
    let mut options = config.options();
    if has_sockets && !asked_to_listen {
        options.listen.clear();
    }
    Ok(options)
}

/// Makes the folder of the default database; paths are private, so nobody else may look into it.
fn make_folder(db: &Path) -> Result<(), String> {
    let folder = db.parent().unwrap_or(db);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        format!("cannot make the folder {}: {error}: name another database with --db", folder.display())
    })
}
