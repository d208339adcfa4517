//! What a collector is asked to do.

use std::env;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use alive_store::model::MAX_TREES;
use alive_wire::DEFAULT_PORT;

use crate::redact::Redact;

/// Receive buffer that is asked for, in bytes: 0.35 s of 300,000 datagrams a second.
pub const RECEIVE_BUFFER: usize = 64 << 20;

/// Time between two writes to the database.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Size of the database, in bytes, at which the oldest goes when nobody says otherwise: years of a busy host.
pub const DATABASE_BYTES: u64 = 1 << 30;

/// What a collector is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where to listen; port 0 lets the kernel choose. Of [`usual_addresses`] a host needs only the first.
    pub listen: Vec<SocketAddr>,
    /// Whether addresses that other machines can reach are meant. Anybody who reaches the port can say
    /// anything, and nothing is encrypted.
    pub listen_public: bool,
    /// Where to listen in the file system, if anywhere. There the kernel says who sent what.
    pub local: Option<LocalOptions>,
    /// The database; made when it is not there.
    pub db: PathBuf,
    /// Where to write every event as a line of JSON, if anywhere.
    pub events: Option<EventsTarget>,
    /// Receive buffer of each socket to ask for, in bytes.
    pub receive_buffer: usize,
    /// Time between two writes to the database; so much is lost when the collector is killed.
    pub flush_every: Duration,
    /// Where to show the report as a page over HTTP, if anywhere; a loopback address. Documents are written by this
    /// same program: see [`crate::http::write_if_asked`].
    pub http: Option<SocketAddr>,
    /// When to look at the memory of the processes that report; `None`: never.
    pub memory: Option<MemoryOptions>,
    /// What must not be stored.
    pub redact: Redact,
    /// What to forget.
    pub retention: Retention,
    /// When to fold what has settled, and to look for what is to be forgotten.
    pub upkeep: UpkeepOptions,
}

impl Options {
    /// The keys of what differs in `new` and cannot change while a collector runs.
    #[must_use]
    pub fn fixed(&self, new: &Self) -> Vec<&'static str> {
        // Named field by field: a new one must be placed here.
        let Self {
            listen,
            listen_public,
            local,
            db,
            events,
            receive_buffer,
            flush_every: _,
            http,
            memory,
            redact: _,
            retention: _,
            upkeep: _,
        } = new;
        let to_file = |target: &Option<EventsTarget>| matches!(target, Some(EventsTarget::File(_)));
        let socket = |local: &Option<LocalOptions>| local.as_ref().map(|local| local.path.clone());
        let mode = |local: &Option<LocalOptions>| local.as_ref().map(|local| local.mode);
        let both_local = self.local.is_some() && local.is_some();
        [
            ("listen", self.listen != *listen),
            ("listen_public", self.listen_public != *listen_public),
            ("unix", socket(&self.local) != socket(local)),
            ("unix_mode", both_local && mode(&self.local) != mode(local)),
            ("db", self.db != *db),
            ("events", self.events != *events && !(to_file(&self.events) && to_file(events))),
            ("receive_buffer", self.receive_buffer != *receive_buffer),
            ("http", self.http != *http),
            ("memory.look", self.memory.is_none() && memory.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

/// A datagram socket in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOptions {
    /// Its path.
    pub path: PathBuf,
    /// Its mode: who may write to it may send.
    pub mode: u32,
}

/// Mode of a socket in the file system when none is named: its user and its group may send.
pub const LOCAL_MODE: u32 = 0o660;

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

impl EventsTarget {
    /// What is meant by a name: `-` is standard output.
    #[must_use]
    pub fn named(name: PathBuf) -> Self {
        if name.as_os_str() == "-" { Self::Stdout } else { Self::File(name) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: usual_addresses(),
            listen_public: false,
            local: None,
            db: default_database(),
            events: None,
            receive_buffer: RECEIVE_BUFFER,
            flush_every: FLUSH_EVERY,
            http: None,
            memory: Some(MemoryOptions::default()),
            redact: Redact::default(),
            retention: Retention { max_age: None, max_bytes: Some(DATABASE_BYTES) },
            upkeep: UpkeepOptions::default(),
        }
    }
}

/// Where is listened when nobody says where: both loopback addresses, because `localhost` may be either.
#[must_use]
pub fn usual_addresses() -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(), (Ipv6Addr::LOCALHOST, DEFAULT_PORT).into()]
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
    fn what_cannot_change_while_it_runs_is_named() {
        let old = Options { events: Some(EventsTarget::File("/a".into())), ..Options::default() };
        let same = Options {
            events: Some(EventsTarget::File("/b".into())),
            memory: None,
            retention: Retention { max_bytes: Some(1), ..Retention::default() },
            ..old.clone()
        };
        assert_eq!(old.fixed(&same), [""; 0]);
        let other = Options {
            listen: vec![],
            db: "/other.db".into(),
            events: None,
            local: Some(LocalOptions { path: "/s".into(), mode: 0 }),
            ..old.clone()
        };
        assert_eq!(old.fixed(&other), ["listen", "unix", "db", "events"]);
        assert_eq!(same.fixed(&old), ["memory.look"]);
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
