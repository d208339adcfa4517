//! The report as a page on this host, and the collector's own figures: `--http`.
//!
//! A request's way: [`serve`] accepts connections, as many and for as long as it will bear; [`gate`] refuses who asks in
//! another's name; [`route`] knows the addresses and [`answer`] the headers. The page and the two JSON documents are
//! kept by [`documents`] until there is news, and written by [`scribe`], which is a process of its own. [`metrics`]
//! and [`health`] read what the other threads left behind. All of it is one thread for which none of the others waits.
//!
//! It can only be read, only from this host, and changes nothing. Whoever can open a connection to the port sees the
//! report: a port knows no users.
//!
//! hyper itself rather than a framework on top of it: seven addresses need no router, while the limits (time for the
//! head of a request, its size, the number of connections, an end within bounds) are set on hyper's connection, which
//! `axum::serve` does not hand out.

mod answer;
mod documents;
mod exposition;
mod gate;
mod health;
mod metrics;
mod route;
mod scribe;
mod serve;
mod stored;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use crate::moment::Moment;
use crate::progress::Shared;
pub use scribe::write_if_asked;

/// How long the thread's helpers are waited for at the end.
const HELPERS: Duration = Duration::from_millis(200);

/// Why the page cannot be served. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Other machines could reach the address.
    #[error(
        "{address} can be reached from other machines, and the page knows no users: give --http a loopback address such \
         as 127.0.0.1:{port}, and look from elsewhere through `ssh -L {port}:127.0.0.1:{port} HOST` or a reverse proxy \
         on this host that asks who somebody is", port = shown(*address)
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// Somebody else has the port.
    #[error(
        "{address} is taken: see who has it with `ss -tlpn sport = :{port}`, or give --http another port",
        port = address.port()
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The port is one of those that only root may take.
    #[error("no permission to serve on {address}: give --http a port above 1023")]
    Permission {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be served on.
    #[error("cannot serve on {address}: {source}: give --http another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The thread or what it needs cannot be had.
    #[error("cannot start to serve the page: {source}: raise the limits on processes and descriptors")]
    Start {
        /// What the system said.
        source: io::Error,
    },
}

/// A port for an example: the one that was asked for, if any.
const fn shown(address: SocketAddr) -> u16 {
    if address.port() == 0 { 25_484 } else { address.port() }
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The database.
    pub(crate) db: PathBuf,
    /// Where datagrams are received.
    pub(crate) listens_at: Vec<String>,
    /// Since when.
    pub(crate) up_since: Moment,
    /// What the threads left behind.
    pub(crate) shared: Arc<Shared>,
}

/// An address that is taken, but not answered on yet.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    listener: TcpListener,
}

impl Listener {
    /// Takes a loopback address; port 0 lets the kernel choose.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(Error::Public { address });
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::PortTaken { address },
            io::ErrorKind::PermissionDenied => Error::Permission { address },
            _ => Error::Listen { address, source },
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { address: listener.local_addr().map_err(failed)?, listener })
    }

    /// Starts to answer.
    pub(crate) fn serve(self, subject: Subject) -> Result<Server, Error> {
        let failed = |source| Error::Start { source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .map_err(failed)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener).map_err(failed)?
        };
        let (end, ended) = watch::channel(());
        let run = move || {
            runtime.block_on(serve::run(listener, self.address, subject, ended));
            runtime.shutdown_timeout(HELPERS);
        };
        let thread = thread::Builder::new().name("alive-http".into()).spawn(run).map_err(failed)?;
        Ok(Server { address: self.address, end, thread })
    }
}

/// The thread that answers. Dropped, it is told to end and not waited for.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    end: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Where it answers.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and finishes the answers that it is at.
    pub(crate) fn ask_to_end(&self) {
        self.end.send_replace(());
    }

    /// Waits for its end, which is near once it was asked for.
    pub(crate) fn wait(self) {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Listener};

    fn refused(address: &str) -> Error {
        Listener::bind(address.parse().unwrap()).unwrap_err()
    }

    #[test]
    fn only_this_host_is_served_and_the_refusal_says_how_to_look_from_elsewhere() {
        for address in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000", "[::ffff:192.0.2.1]:8000"] {
            let error = refused(address);
            assert!(matches!(error, Error::Public { .. }), "{address}: {error}");
            assert!(error.to_string().contains("ssh -L 8000:127.0.0.1:8000"), "{error}");
        }
        assert!(refused("0.0.0.0:0").to_string().contains("127.0.0.1:25484"));
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(first.address.port() > 0, "the kernel chose");
        assert!(matches!(refused(&first.address.to_string()), Error::PortTaken { .. }));
    }
}
