//! What the flags and the file ask for together, now and whenever the file is read again.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use alive_collector::config::{Config, LogConfig};
use alive_collector::{Options, default_database};
use tracing_subscriber::EnvFilter;

use crate::arguments::Arguments;
use crate::logging;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    config: Config,
    /// The lines of the log that are said.
    pub(crate) filter: EnvFilter,
}

impl Settings {
    /// Reads the file, if there is one.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, String> {
        let file = arguments.file().map(|file| Config::read(&file)).transpose();
        let file = file.map_err(|error| error.to_string())?.unwrap_or_default();
        let flags = arguments.clone().told();
        let filter = logging::filter(flags.log.level, file.log.level)?;
        Ok(Self { config: flags.or(file), filter })
    }

    /// How things are said.
    pub(crate) const fn log(&self) -> LogConfig {
        self.config.log
    }

    /// What the collector is to do. One that was handed sockets listens nowhere else unless it is told to.
    pub(crate) fn options(&self, has_sockets: bool) -> Options {
        let mut options = self.config.clone().options();
        if has_sockets && self.config.listen.is_none() {
            options.listen.clear();
        }
        options
    }

    /// Makes the folder of the default database, where no other one is named.
    pub(crate) fn make_folder(&self) -> Result<(), String> {
        if self.config.db.is_some() { Ok(()) } else { make_folder(&default_database()) }
    }
}

/// Paths are private, so nobody else may look into it.
fn make_folder(db: &Path) -> Result<(), String> {
    let folder = db.parent().unwrap_or(db);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        format!("cannot make the folder {}: {error}: name another database with --db", folder.display())
    })
}
