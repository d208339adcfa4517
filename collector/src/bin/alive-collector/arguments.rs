//! The flags, and what they ask for together with the file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alive_collector::config::{self, Config, LogConfig, LogFormat, MemoryConfig, units};
use alive_collector::{EventsTarget, Retention};
use clap::Parser;
use tracing::level_filters::LevelFilter;

/// Receives what libpostfork.so reports and keeps it in a database for `alive report`.
#[derive(Debug, Clone, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Read settings from FILE; flags win over it [default: collector.toml in `$CONFIGURATION_DIRECTORY`, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Read the settings, say what is wrong with them, and end
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Address and port to listen on; may be given several times [default: the sockets that a service manager
    /// hands over, else 127.0.0.1:25483 and `[::1]:25483`]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,

    /// Allow addresses that other machines can reach: whoever reaches the port can make things up
    #[arg(long)]
    listen_public: bool,

    /// Also listen on a datagram socket at PATH, where the kernel says who sent what; what claims to come from
    /// another process is counted and not stored
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Mode of that socket: who may write to it may send [default: 0660]
    #[arg(long, value_name = "MODE", value_parser = units::mode, requires = "unix")]
    unix_mode: Option<u32>,

    /// Database to add to [default: alive.db in `$STATE_DIRECTORY`, else in the XDG state folder]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// Also append every event to FILE as a line of JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Receive buffer to ask the kernel for; bursts that do not fit are lost, and counted [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::receive_buffer)]
    receive_buffer: Option<usize>,

    /// Show the report as a page, and figures for Prometheus, at a loopback address, such as 127.0.0.1:25484
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Do not look at the memory of the processes that report
    #[arg(long)]
    no_memory: bool,

    /// Forget what was not seen for so long, such as 90d [default: nothing for its age]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    max_age: Option<Duration>,

    /// Size of the database at which what was not seen for longest is forgotten [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = config::database_size)]
    max_size: Option<u64>,

    /// What to say on standard error: off, error, warn, info, debug or trace [default: `$ALIVE_LOG`, else info]
    #[arg(long, value_name = "LEVEL", value_parser = config::level)]
    log: Option<LevelFilter>,

    /// How to say it: text or json [default: text]
    #[arg(long, value_name = "FORMAT", value_parser = config::log_format)]
    log_format: Option<LogFormat>,
}

impl Arguments {
    /// The file that is to be read, if any.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(config::default_file)
    }

    /// What the flags ask for.
    pub(crate) fn told(self) -> Config {
        Config {
            listen: (!self.listen.is_empty()).then_some(self.listen),
            listen_public: self.listen_public.then_some(true),
            unix: self.unix,
            unix_mode: self.unix_mode,
            db: self.db,
            events: self.events.map(EventsTarget::named),
            receive_buffer: self.receive_buffer,
            http: self.http,
            memory: MemoryConfig { look: self.no_memory.then_some(false), ..MemoryConfig::default() },
            retention: Retention { max_age: self.max_age, max_bytes: self.max_size },
            log: LogConfig { level: self.log, format: self.log_format },
            ..Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// What is no setting, and what has a key of another name.
    const ELSEWHERE: [(&str, &str); 5] = [
        ("config", ""),
        ("check_config", ""),
        ("no_memory", "memory.look"),
        ("log", "log.level"),
        ("log_format", "log.format"),
    ];

    #[test]
    fn every_flag_has_its_key_in_the_sample_of_the_file() {
        let sample = include_str!("../../../../packaging/collector.toml");
        for flag in Arguments::command().get_arguments().map(|argument| argument.get_id().as_str()) {
            let key = ELSEWHERE.iter().find(|(known, _)| *known == flag).map_or(flag, |(_, key)| *key);
            let name = key.rsplit('.').next().unwrap();
            assert!(
                key.is_empty() || sample.contains(&format!("\n#{name} = ")),
                "--{flag} has no key `{key}`"
            );
        }
    }

    #[test]
    fn a_flag_that_is_not_given_asks_for_nothing() {
        assert_eq!(Arguments::parse_from(["alive-collector"]).told(), Config::default());
    }
}
