//! `alive-collector`: the host's daemon. Parses what it is asked to do, waits for a signal, stops.
#![forbid(unsafe_code)]

use std::fs::DirBuilder;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alive_collector::service::{self, Watchdog};
use alive_collector::{Collector, EventsTarget, Options, default_database, http};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Something about this machine keeps the collector from working: 2 is for the command line, this for the rest.
const ENVIRONMENT: u8 = 5;

/// Receives what libpostfork.so reports and keeps it in a database for `alive report`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// Address and port to listen on; may be given several times [default: the sockets that a service manager
    /// hands over, else 127.0.0.1:25483]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,

    /// Allow addresses that other machines can reach: whoever reaches the port can make things up
    #[arg(long)]
    listen_public: bool,

    /// Database to add to [default: alive.db in `$STATE_DIRECTORY`, else in the XDG state folder]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// Also append every event to FILE as a line of JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Receive buffer to ask the kernel for; bursts that do not fit are lost, and counted
    #[arg(long, value_name = "BYTES", default_value_t = alive_collector::options::RECEIVE_BUFFER)]
    receive_buffer: usize,

    /// Show the report as a page, and figures for Prometheus, at a loopback address, such as 127.0.0.1:25484
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Do not look at the memory of the processes that report
    #[arg(long)]
    no_memory: bool,
}

fn main() -> ExitCode {
    if let Some(status) = http::write_if_asked() {
        return status;
    }
    let arguments = Arguments::parse();
    let level = EnvFilter::try_from_env("ALIVE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(level)
        .with_target(false)
        .init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("alive-collector: {message}");
            ExitCode::from(ENVIRONMENT)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let inherited = service::inherited().map_err(|error| {
        format!("a socket that was handed over is not for datagrams: {error}: look at the socket unit")
    })?;
    let mut options = options(arguments)?;
    if inherited.is_empty() && options.listen.is_empty() {
        options.listen = Options::default().listen;
    }
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
            tracing::warn!("{address} can be reached from other machines");
        }
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

fn options(arguments: Arguments) -> Result<Options, String> {
    let mut options = Options {
        listen_public: arguments.listen_public,
        receive_buffer: arguments.receive_buffer,
        http: arguments.http,
        events: arguments.events.map(|file| {
            if file.as_os_str() == "-" { EventsTarget::Stdout } else { EventsTarget::File(file) }
        }),
        // Where nothing is named, what was handed over is listened to, or else the usual place.
        listen: arguments.listen,
        ..Options::default()
    };
    if arguments.no_memory {
        options.memory = None;
    }
    match arguments.db {
        Some(db) => options.db = db,
        None => make_folder(&default_database())?,
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
