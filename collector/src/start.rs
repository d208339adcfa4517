//! Starts the threads, and stops them without losing what they hold.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use alive_report::escape;
use alive_store::Writer;

use crate::aggregate::Aggregate;
use crate::events::{self, EventsWriter, Output};
use crate::flush;
use crate::http;
use crate::listen::{listen, listen_locally};
use crate::local::LocalError;
use crate::memory;
use crate::moment::Moment;
use crate::options::{EventsTarget, Options};
use crate::progress::{Changeable, Progress, Shared};
use crate::receive::{Receiver, Unwritten};
use crate::seldom::{Forgeries, Seldom};
use crate::service::Inherited;
use crate::upkeep::Rounds;

/// Pause between two questions whether looks are done.
const LOOK: Duration = Duration::from_millis(5);

/// Why a collector could not start. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address to listen on.
    #[error("there is no address to listen on: give one with --listen, or a path with --unix")]
    NoAddress,
    /// Other machines could reach the address and nobody said that this is meant.
    #[error(
        "{address} can be reached from other machines, UDP carries no identity, and so whoever reaches it can \
         make things up: listen on 127.0.0.1, or add --listen-public if this is meant"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// Somebody else has the port.
    #[error(
        "{address} is taken, perhaps by another collector: see who has it with `ss -ulpn sport = :{port}`, \
         or listen elsewhere with --listen", port = address.port()
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}: listen elsewhere with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A socket that was handed over cannot be used.
    #[error("cannot use a socket that was handed over: {source}: look at ListenDatagram= of the socket unit")]
    Inherited {
        /// What the system said.
        source: io::Error,
    },
    /// A socket in the file system cannot be listened on.
    #[error("cannot listen at {}: {source}", escape::terminal(path.as_os_str().as_encoded_bytes()))]
    Local {
        /// Its path.
        path: PathBuf,
        /// Why, and what to do.
        source: LocalError,
    },
    /// The page cannot be served.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] alive_store::Error),
    /// The events file cannot be opened.
    #[error("cannot write events to {}: {source}: name another file with --events", path.display())]
    Events {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {source}: raise the limit on processes")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}

/// Why the last sums did not come into the database.
#[derive(Debug, thiserror::Error)]
#[error("the last {events} events are not in the database: {source}")]
pub struct StopError {
    /// Events that were received and not written, at least.
    pub events: u64,
    /// Why.
    pub source: alive_store::Error,
}

/// What a collector did from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its last counts.
    pub progress: Progress,
}

/// A collector that runs.
///
/// Dropped, it tells its threads to stop and does not wait for them; [`Collector::stop`] does.
#[derive(Debug)]
pub struct Collector {
    addresses: Vec<SocketAddr>,
    paths: Vec<PathBuf>,
    shared: Arc<Shared>,
    looks_at_memory: bool,
    writes_events: bool,
    http: Option<http::Server>,
    threads: Option<Threads>,
}

#[derive(Debug)]
struct Threads {
    receiver: JoinHandle<Result<(), Unwritten>>,
    writer: JoinHandle<Result<(), alive_store::Error>>,
}

impl Collector {
    /// Binds the sockets, opens the database and starts to receive.
    ///
    /// # Errors
    /// Why it could not.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        Self::start_with(options, Inherited::default())
    }

    /// The same with sockets that somebody else holds, too, and keeps when the collector ends: what they
    /// receive meanwhile waits for the next one.
    ///
    /// # Errors
    /// Why it could not.
    pub fn start_with(options: &Options, inherited: Inherited) -> Result<Self, StartError> {
        // The database last: what fails before must not leave an epoch in it that was never closed. What
        // comes while it is opened waits in the kernel.
        let (mut sockets, addresses) = listen(options, inherited.udp)?;
        let local = listen_locally(options, inherited.unix)?;
        if sockets.is_empty() && local.is_empty() {
            return Err(StartError::NoAddress);
        }
        let http = options.http.map(http::Listener::bind).transpose()?;
        let paths = local.iter().map(|socket| socket.path().to_owned()).collect();
        let events = options.events.as_ref().map(open_events).transpose()?;
        let up_since = Moment::now();
        let shared = Arc::new(Shared::new(Changeable::of(options)));
        let writer = Writer::open(&options.db)?;
        let marks = writer.sequences()?;
        for socket in &mut sockets {
            if let Some(name) = socket.lasting() {
                let counted = writer.queue_drops(name)?;
                socket.begin_at(counted);
            }
        }
        let rebased = marks
            .iter()
            .filter(|(_, mark)| !mark.rebased.is_empty())
            .map(|(key, mark)| (*key, mark.rebased.clone()))
            .collect();
        // What a tree sent that began under a collector which was killed is lost, not unknown.
        let up_since_micros = up_since.wall_micros.min(writer.watched_since()?);
        let aggregate = Aggregate::new(up_since_micros, marks);
        let events = events
            .map(|out| EventsWriter::start(out, rebased, &shared))
            .transpose()
            .map_err(|source| StartError::Thread { source })?;
        let (aggregate, memory) = match options.memory {
            Some(options) => {
                let (looker, thread) = memory::channel(options, &shared);
                spawn("alive-memory", move || thread.run())?;
                (aggregate.noting_speakers(), Some(looker))
            }
            None => (aggregate, None),
        };
        // No slot: the writer takes sums only when it has nothing else to write, so at most two sets of
        // them are in memory.
        let (batches, waiting) = mpsc::sync_channel(0);
        let writer = spawn("alive-writer", {
            let shared = Arc::clone(&shared);
            let rounds = Rounds::new(options.upkeep);
            move || flush::run(writer, &waiting, &shared, rounds)
        })?;
        let receiver = Receiver {
            sockets,
            local,
            aggregate,
            batches,
            events,
            shared: Arc::clone(&shared),
            flush_every: options.flush_every,
            memory,
            forgeries: Forgeries::default(),
            trouble: Seldom::default(),
            redactor: None,
            changes: None,
        };
        let receiver = spawn("alive-receiver", move || receiver.run())?;
        let looks_at_memory = options.memory.is_some();
        let subject = |shared| http::Subject {
            db: options.db.clone(),
            listens_at: addresses.iter().map(SocketAddr::to_string).collect(),
            up_since,
            shared,
        };
        let http = http.map(|listener| listener.serve(subject(Arc::clone(&shared)))).transpose()?;
        let writes_events = matches!(options.events, Some(EventsTarget::File(_)));
        let threads = Some(Threads { receiver, writer });
        Ok(Self { addresses, paths, shared, looks_at_memory, writes_events, http, threads })
    }

    /// Where it listens, with the ports that the kernel chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The sockets in the file system where it listens.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Where the page is served, with the port that the kernel chose.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(http::Server::address)
    }

    /// What its threads share.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Changes what may change while it runs, and opens the events file anew. What may not, of what
    /// [`Options::fixed`] names, stays as it is.
    ///
    /// # Errors
    /// When the events file cannot be opened; nothing is changed then.
    pub fn change(&self, options: &Options) -> Result<(), StartError> {
        if self.writes_events
            && let Some(target @ EventsTarget::File(_)) = &options.events
        {
            self.shared.redirect_events(open_events(target)?);
        }
        self.shared.change(Changeable::of(options));
        Ok(())
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// Looks at the memory of every process that has reported, as far as that is done within `patience`. For who
    /// knows that the processes are about to end.
    pub fn look_at_memory(&self, patience: Duration) {
        if !self.looks_at_memory {
            return;
        }
        let request = self.shared.want_looks();
        let until = Instant::now() + patience;
        while self.shared.looks_done() < request && Instant::now() < until {
            thread::sleep(LOOK);
        }
    }

    /// Reads what the kernel still holds, writes everything and closes the database.
    ///
    /// # Errors
    /// When the database could not be written for so long that the last sums had to be given up.
    pub fn stop(mut self) -> Result<Summary, StopError> {
        self.shared.stop();
        // Ends beside the other threads, which do not wait for it.
        let http = self.http.take();
        http.iter().for_each(http::Server::ask_to_end);
        let threads = self.threads.take().expect("only taken here, and this is the only call");
        let received = threads.receiver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let written = threads.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        http.into_iter().for_each(http::Server::wait);
        match written {
            Ok(()) => Ok(Summary { progress: self.shared.progress() }),
            Err(source) => {
                Err(StopError { events: received.map_or_else(|unwritten| unwritten.events, |()| 0), source })
            }
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

fn open_events(target: &EventsTarget) -> Result<Output, StartError> {
    events::open(target).map_err(|source| StartError::Events {
        path: match target {
            EventsTarget::File(path) => path.clone(),
            EventsTarget::Stdout => PathBuf::from("standard output"),
        },
        source,
    })
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    thread::Builder::new().name(name.into()).spawn(run).map_err(|source| StartError::Thread { source })
}
