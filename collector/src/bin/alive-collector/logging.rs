//! What is said on standard error: which lines, in which form.

use std::env;
use std::io::{self, IsTerminal};

use alive_collector::config::{LogConfig, LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// The lines that are said. The flag wins over `$ALIVE_LOG`, which may also name modules, and that over the file.
pub(crate) fn filter(flag: Option<LevelFilter>, file: Option<LevelFilter>) -> Result<EnvFilter, String> {
    let level = |level: LevelFilter| Ok(EnvFilter::new(level.to_string()));
    if let Some(flag) = flag {
        return level(flag);
    }
    match env::var("ALIVE_LOG").ok().filter(|words| !words.is_empty()) {
        Some(words) => EnvFilter::try_new(words)
            .map_err(|error| format!("ALIVE_LOG is not understood: {error}: give a level such as info")),
        None => level(file.unwrap_or(LevelFilter::INFO)),
    }
}

/// Changes which lines are said.
pub(crate) type Change = Box<dyn Fn(EnvFilter)>;

/// Begins to say things.
pub(crate) fn start(filter: EnvFilter, log: LogConfig) -> Change {
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // The subscriber lives as long as the process, so there is always something to change.
    match log.format.unwrap_or_default() {
        LogFormat::Text => {
            let lines = lines.with_env_filter(filter).with_filter_reloading();
            let change = lines.reload_handle();
            lines.init();
            Box::new(move |filter| drop(change.reload(filter)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_env_filter(filter).with_filter_reloading();
            let change = lines.reload_handle();
            lines.init();
            Box::new(move |filter| drop(change.reload(filter)))
        }
    }
}
