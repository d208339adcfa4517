//! What a collector is asked to do, by its flags and by a file. Flags win over the file, the file over defaults.
//!
//! [`Config`] is what one of the two asks for; everything in it may be missing. The file is TOML: `document` reads
//! it, and `packaging/collector.toml` has every key with its meaning.

mod document;
pub mod units;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alive_report::escape;
use tracing::level_filters::LevelFilter;

use crate::options::{EventsTarget, LOCAL_MODE, LocalOptions, MemoryOptions, Options, Retention};
use crate::redact::Redact;
use document::{Document, Flaw, boolean, text, text_or_number, texts};

/// Name of the file in the folder that systemd gives a service for its configuration.
const FILE: &str = "collector.toml";

/// What the flags ask for, or the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// See [`Options::listen`].
    pub listen: Option<Vec<SocketAddr>>,
    /// See [`Options::listen_public`].
    pub listen_public: Option<bool>,
    /// See [`LocalOptions::path`].
    pub unix: Option<PathBuf>,
    /// See [`LocalOptions::mode`].
    pub unix_mode: Option<u32>,
    /// See [`Options::db`].
    pub db: Option<PathBuf>,
    /// See [`Options::events`].
    pub events: Option<EventsTarget>,
    /// See [`Options::receive_buffer`].
    pub receive_buffer: Option<usize>,
    /// When to look at the memory of the processes that report.
    pub memory: MemoryConfig,
    /// See [`Options::redact`].
    pub redact: Option<Redact>,
    /// What to forget.
    pub retention: Retention,
    /// What to say on standard error.
    pub log: LogConfig,
}

/// See [`MemoryOptions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryConfig {
    /// Whether to look at all.
    pub look: Option<bool>,
    /// See [`MemoryOptions::quiet`].
    pub quiet: Option<Duration>,
    /// See [`MemoryOptions::every`].
    pub every: Option<Duration>,
    /// See [`MemoryOptions::per_second`].
    pub per_second: Option<u32>,
}

/// What to say on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogConfig {
    /// Least severity of what is said.
    pub level: Option<LevelFilter>,
    /// In which form.
    pub format: Option<LogFormat>,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object in each line.
    Json,
}

/// Why a configuration file cannot be used. Each message says where to look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {}: {source}", escape::terminal(path.as_os_str().as_encoded_bytes()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in it is not understood.
    #[error("{}, line {line}: {what}", escape::terminal(path.as_os_str().as_encoded_bytes()))]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to write instead.
        what: String,
    },
}

/// The file that is read when none is named: `collector.toml` in the folder that systemd gives a service
/// (`ConfigurationDirectory=`), if it is there.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    file_in(env::var_os("CONFIGURATION_DIRECTORY"))
}

fn file_in(folders: Option<OsString>) -> Option<PathBuf> {
    env::split_paths(&folders?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(FILE))
        .find(|file| file.exists())
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or when anything in it is not understood.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let toml = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&toml)
            .map(|(config, _)| config)
            .map_err(|Flaw { line, what }| ConfigError::NotUnderstood { path: path.to_owned(), line, what })
    }

    /// What a document asks for, and every key that it could have asked with.
    fn parse(toml: &str) -> Result<(Self, Vec<String>), Flaw> {
        let mut file = Document::parse(toml)?;
        let config = Self {
            listen: file.get("listen", texts(address))?,
            listen_public: file.get("listen_public", boolean)?,
            unix: file.get("unix", text(|path| Ok(PathBuf::from(path))))?,
            unix_mode: file.get("unix_mode", text(units::mode))?,
            db: file.get("db", text(|path| Ok(PathBuf::from(path))))?,
            events: file.get("events", text(|target| Ok(EventsTarget::named(target.into()))))?,
            receive_buffer: file.get("receive_buffer", text_or_number(units::receive_buffer))?,
            memory: MemoryConfig {
                look: file.get("memory.look", boolean)?,
                quiet: file.get("memory.quiet", text(units::duration))?,
                every: file.get("memory.every", text(units::duration))?,
                per_second: file.get("memory.per_second", text_or_number(per_second))?,
            },
            redact: file.get("redact", texts(Redact::pattern))?.map(Redact::new),
            retention: Retention {
                max_age: file.get("retention.max_age", text(units::duration))?,
                max_bytes: file.get("retention.max_size", text_or_number(database_size))?,
            },
            log: LogConfig {
                level: file.get("log.level", text(level))?,
                format: file.get("log.format", text(log_format))?,
            },
        };
        Ok((config, file.finish()?))
    }

    /// What this asks for, and beyond that what `other` does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            listen_public: self.listen_public.or(other.listen_public),
            unix: self.unix.or(other.unix),
            unix_mode: self.unix_mode.or(other.unix_mode),
            db: self.db.or(other.db),
            events: self.events.or(other.events),
            receive_buffer: self.receive_buffer.or(other.receive_buffer),
            memory: MemoryConfig {
                look: self.memory.look.or(other.memory.look),
                quiet: self.memory.quiet.or(other.memory.quiet),
                every: self.memory.every.or(other.memory.every),
                per_second: self.memory.per_second.or(other.memory.per_second),
            },
            redact: self.redact.or(other.redact),
            retention: Retention {
                max_age: self.retention.max_age.or(other.retention.max_age),
                max_bytes: self.retention.max_bytes.or(other.retention.max_bytes),
            },
            log: LogConfig {
                level: self.log.level.or(other.log.level),
                format: self.log.format.or(other.log.format),
            },
        }
    }

    /// The same for a collector, with the defaults for what nobody asked for.
    #[must_use]
    pub fn options(self) -> Options {
        let default = Options::default();
        let memory = MemoryOptions::default();
        Options {
            listen: self.listen.unwrap_or(default.listen),
            listen_public: self.listen_public.unwrap_or(default.listen_public),
            local: self.unix.map(|path| LocalOptions { path, mode: self.unix_mode.unwrap_or(LOCAL_MODE) }),
            db: self.db.unwrap_or(default.db),
            events: self.events,
            receive_buffer: self.receive_buffer.unwrap_or(default.receive_buffer),
            memory: self.memory.look.unwrap_or(true).then(|| MemoryOptions {
                quiet: self.memory.quiet.unwrap_or(memory.quiet),
                every: self.memory.every.unwrap_or(memory.every),
                per_second: self.memory.per_second.unwrap_or(memory.per_second),
            }),
            redact: self.redact.unwrap_or_default(),
            retention: Retention {
                max_age: self.retention.max_age.or(default.retention.max_age),
                max_bytes: self.retention.max_bytes.or(default.retention.max_bytes),
            },
            ..default
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an address and a port, such as 127.0.0.1:25483 or [::1]:25483".to_owned())
}

fn per_second(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|looks| (1..=1_000).contains(looks))
        .ok_or_else(|| "give a number from 1 to 1000".to_owned())
}

fn database_size(text: &str) -> Result<u64, String> {
    units::size(text).and_then(|bytes| {
        Some(bytes).filter(|bytes| *bytes >= 1 << 20).ok_or_else(|| "give at least 1MiB".to_owned())
    })
}

/// The word for the least severity of what is said.
///
/// # Errors
/// What to write instead.
pub fn level(text: &str) -> Result<LevelFilter, String> {
    match text {
        "off" | "error" | "warn" | "info" | "debug" | "trace" => {
            Ok(text.parse().unwrap_or(LevelFilter::INFO))
        }
        _ => Err("give off, error, warn, info, debug or trace".to_owned()),
    }
}

/// The word for the form of a line of the log.
///
/// # Errors
/// What to write instead.
pub fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("give text or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../packaging/collector.toml");

    /// The sample with every key that it only shows.
    fn uncommented() -> String {
        let shown =
            |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
        SAMPLE.lines().map(|line| shown(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    }

    #[test]
    fn the_sample_asks_for_nothing_until_something_in_it_is_uncommented() {
        assert_eq!(Config::parse(SAMPLE).unwrap().0, Config::default());
    }

    #[test]
    fn the_sample_has_every_key_that_is_known_and_no_other() {
        let sample = uncommented();
        let (_, known) = Config::parse(&sample).unwrap_or_else(|flaw| panic!("{flaw:?} in\n{sample}"));
        let mut document = Document::parse(&sample).unwrap();
        for key in known {
            assert!(document.get(&key, |_| Ok(())).unwrap().is_some(), "`{key}` is not in the sample");
        }
    }

    #[test]
    fn the_sample_shows_the_defaults() {
        let (mut config, _) = Config::parse(&uncommented()).unwrap();
        // What is off by default is shown as it could be.
        assert_eq!(config.events.take(), Some(EventsTarget::File("/var/lib/alive/events.ndjson".into())));
        assert_eq!(config.unix.take(), Some("/run/alive/collector.sock".into()));
        assert_eq!(config.unix_mode, Some(LOCAL_MODE));
        assert_eq!(config.db.take(), Some("/var/lib/alive/alive.db".into()));
        assert_ne!(config.redact.take().unwrap_or_default(), Redact::default());
        let retention = std::mem::take(&mut config.retention);
        assert!(retention.max_age.is_some() && retention.max_bytes.is_some());
        assert_eq!(config.log, LogConfig { level: Some(LevelFilter::INFO), format: Some(LogFormat::Text) });
        assert_eq!(config.options(), Options::default());
    }

    #[test]
    fn what_the_flags_ask_for_wins_and_the_rest_is_the_files() {
        let file = "listen = ['[::1]:1']\nreceive_buffer = 8192\n[memory]\nlook = false\nevery = '1m'\n";
        let flags = Config { receive_buffer: Some(4_096), db: Some("/f.db".into()), ..Config::default() };
        let options = flags.or(Config::parse(file).unwrap().0).options();
        assert_eq!(options.listen, ["[::1]:1".parse().unwrap()]);
        assert_eq!((options.receive_buffer, options.db), (4_096, PathBuf::from("/f.db")));
        assert_eq!((options.memory, options.retention), (None, Options::default().retention));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_told_with_what_would() {
        for (file, words) in [
            ("listen = '127.0.0.1:1'", "`listen`: give a list of texts in [ ]"),
            ("listen = ['here']", "`listen`: give an address and a port"),
            ("unix_mode = '660x'", "`unix_mode`: give a mode in octal digits"),
            ("receive_buffer = '1EiB'", "`receive_buffer`: give a whole number and its unit"),
            ("receive_buffer = 0x10", "`receive_buffer`: give a text in quotes, not a integer"),
            ("memory.per_second = 0", "`memory.per_second`: give a number from 1 to 1000"),
            ("redact = ['a(b']", "`redact`: the pattern `a(b` is not understood: unclosed group"),
            ("retention.max_age = '1y'", "`retention.max_age`: give a time and its unit"),
            ("retention.max_size = '1KiB'", "`retention.max_size`: give at least 1MiB"),
            ("log.level = 'loud'", "`log.level`: give off, error, warn, info, debug or trace"),
            ("log.format = 'xml'", "`log.format`: give text or json"),
        ] {
            let flaw = Config::parse(file).unwrap_err();
            assert!(flaw.what.contains(words), "{file}: {flaw:?}");
        }
    }

    #[test]
    fn a_service_finds_its_file_where_systemd_says_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let two = format!("/no/such/folder:{}", folder.path().display());
        assert_eq!(file_in(Some(two.clone().into())), None);
        fs::write(folder.path().join(FILE), "").unwrap();
        assert_eq!(file_in(Some(two.into())), Some(folder.path().join(FILE)));
        assert_eq!(file_in(None), None);
    }
}
