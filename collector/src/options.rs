//! What a collector is asked to do.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use alive_store::model::MAX_TREES;
use alive_wire::DEFAULT_PORT;

/// Receive buffer that is asked for, in bytes: 0.35 s of 300,000 datagrams a second.
pub const RECEIVE_BUFFER: usize = 64 << 20;

/// Time between two writes to the database.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Size of the database, in bytes, at which the oldest goes when nobody says otherwise: years of a busy host.
pub const DATABASE_BYTES: u64 = 1 << 30;

/// What a collector is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where to listen; port 0 lets the kernel choose.
    pub listen: Vec<SocketAddr>,
    /// Whether addresses that other machines can reach are meant. Anybody who reaches the port can say
    /// anything, and nothing is encrypted.
    pub listen_public: bool,
    /// The database; made when it is not there.
    pub db: PathBuf,
    /// Where to write every event as a line of JSON, if anywhere.
    pub events: Option<EventsTarget>,
    /// Receive buffer of each socket to ask for, in bytes.
    pub receive_buffer: usize,
    /// Time between two writes to the database; so much is lost when the collector is killed.
    pub flush_every: Duration,
    /// When to look at the memory of the processes that report; `None`: never.
    pub memory: Option<MemoryOptions>,
    /// What to forget.
    pub retention: Retention,
    /// When to fold what has settled, and to look for what is to be forgotten.
    pub upkeep: UpkeepOptions,
}

/// What to forget. The sums of roles and files are kept; processes and sample stacks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// What was not seen for so long; `None`: nothing for its age.
    pub max_age: Option<Duration>,
    /// Size of the database in bytes at which the oldest go first; `None`: nothing for its size.
    pub max_bytes: Option<u64>,
}

/// When the database is kept small. Nobody needs to set these but who wants to see a year in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpkeepOptions {
    /// How long a tree of processes must have been silent to become one with the others of its program. Should it
    /// speak again nothing is lost, and nothing is counted twice.
    pub settled_after: Duration,
    /// Time from the end of one round to the beginning of the next.
    pub every: Duration,
    /// Trees that the database knows by name. As many as this collector remembers, or one that speaks again may be
    /// counted twice.
    pub known_trees: u32,
}

impl Default for UpkeepOptions {
    fn default() -> Self {
        Self {
            settled_after: Duration::from_hours(1),
            every: Duration::from_hours(1),
            known_trees: MAX_TREES,
        }
    }
}

/// When to look at the memory of a process. The kernel walks its pages for each look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How long a process must have been silent before the first look: what it loads it has loaded by then.
    pub quiet: Duration,
    /// Shortest time between two looks at one process.
    pub every: Duration,
    /// Most looks a second, over all processes.
    pub per_second: u32,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(2), every: Duration::from_secs(30), per_second: 16 }
    }
}

/// Where events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsTarget {
    /// A file, made with mode 0600 when it is not there; lines are put at its end.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))],
            listen_public: false,
            db: default_database(),
            events: None,
            receive_buffer: RECEIVE_BUFFER,
            flush_every: FLUSH_EVERY,
            memory: Some(MemoryOptions::default()),
            retention: Retention { max_age: None, max_bytes: Some(DATABASE_BYTES) },
            upkeep: UpkeepOptions::default(),
        }
    }
}

/// The database when none is named: `$STATE_DIRECTORY/alive.db` as systemd gives it to a service, else
/// `alive/alive.db` below `$XDG_STATE_HOME` or `~/.local/state`.
#[must_use]
pub fn default_database() -> PathBuf {
    database_in(|name| env::var_os(name).filter(|value| !value.is_empty()))
}

fn database_in(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> PathBuf {
    if let Some(folders) = variable("STATE_DIRECTORY") {
        // systemd may give several, separated by colons.
        let first = env::split_paths(&folders).next().unwrap_or_default();
        return first.join("alive.db");
    }
    let state = variable("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"));
    state.join("alive/alive.db")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> PathBuf {
        database_in(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn a_service_keeps_its_state_where_systemd_says() {
        let service = [("STATE_DIRECTORY", "/var/lib/alive:/var/lib/more"), ("HOME", "/root")];
        assert_eq!(found(&service), PathBuf::from("/var/lib/alive/alive.db"));
    }

    #[test]
    fn a_user_keeps_it_in_the_state_folder() {
        let home = ("HOME", "/home/ann");
        assert_eq!(found(&[home]), PathBuf::from("/home/ann/.local/state/alive/alive.db"));
        assert_eq!(found(&[home, ("XDG_STATE_HOME", "/s")]), PathBuf::from("/s/alive/alive.db"));
        // The specification says to ignore a relative one.
        assert_eq!(
            found(&[home, ("XDG_STATE_HOME", "s")]),
            PathBuf::from("/home/ann/.local/state/alive/alive.db")
        );
    }
}
