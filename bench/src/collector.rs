//! A real collector that can be stopped, so that its queue fills, and let go again.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use alive_store::model::Snapshot;
use nix::sys::resource::UsageWho;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::error::Error;
use crate::others;

/// Longest wait for something that takes milliseconds on a machine that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// In a collector's folder.
const DATABASE: &str = "alive.db";
const LOG: &str = "collector.log";

/// What the kernel says of a UDP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Bytes that wait, with the kernel's bookkeeping.
    pub(crate) waiting: u64,
    /// Datagrams dropped since the socket was made.
    pub(crate) drops: u64,
}

/// A running `alive-collector`.
#[derive(Debug)]
pub(crate) struct Collector {
    child: Child,
    address: SocketAddr,
    /// Where the kernel counts the receiving thread's time on a processor.
    schedstat: PathBuf,
    /// Where its database and what it said are.
    folder: TempDir,
}

/// What a collector counted from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Datagrams received.
    pub(crate) datagrams: u64,
    /// Datagrams that the kernel dropped.
    pub(crate) kernel_drops: u64,
}

/// What a collector that ended left behind.
#[derive(Debug)]
pub(crate) struct Left {
    /// What it said that it counted.
    pub(crate) counted: Counted,
    /// What its database has.
    pub(crate) stored: Snapshot,
    /// Seconds that it spent on processors.
    pub(crate) seconds: f64,
}

impl Collector {
    /// Starts `program` on a port that is free, with a database of its own in a folder below `scratch`.
    pub(crate) fn start(program: &Path, address: SocketAddr, scratch: &Path) -> Result<Self, Error> {
        Self::start_at(program, address, scratch, None)
    }

    /// The same at a niceness, where one is named.
    pub(crate) fn start_at(
        program: &Path,
        address: SocketAddr,
        scratch: &Path,
        niceness: Option<i32>,
    ) -> Result<Self, Error> {
        let name = program.display().to_string();
        let mut command = match niceness {
            Some(niceness) => {
                let mut command = Command::new("nice");
                command.arg("-n").arg(niceness.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        // Trees that an earlier run left in a database would be taken up where they were, and what is sent anew for
        // what had come before.
        let folder = TempDir::new_in(scratch).map_err(Error::io("making a folder for a collector"))?;
        let log = File::create(folder.path().join(LOG)).map_err(Error::io("making the collector's log"))?;
        let child = command
            .args(["--listen", &address.to_string(), "--db"])
            .arg(folder.path().join(DATABASE))
            .env("ALIVE_LOG", "info")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|source| Error::Start { program: name.clone(), source })?;
        let mut collector = Self { child, address, schedstat: PathBuf::new(), folder };
        // It listens a moment before the thread that receives is there.
        wait_for(|| {
            if let Some(thread) = collector.receiver()? {
                collector.schedstat = thread;
            }
            Ok(collector.schedstat.is_absolute() && collector.queue()?.is_some())
        })?
        .then_some(())
        .ok_or(Error::Driver { program: name, said: "it does not listen".into() })?;
        Ok(collector)
    }

    /// Stops the process where it stands; datagrams wait in its queue until [`Self::go_on`].
    pub(crate) fn halt(&self) -> Result<(), Error> {
        let pid = self.pid();
        kill(pid, Signal::SIGSTOP).map_err(Error::os("stopping the collector"))?;
        match waitpid(pid, Some(WaitPidFlag::WUNTRACED)).map_err(Error::os("waiting for the collector"))? {
            WaitStatus::Stopped(..) => Ok(()),
            other => Err(Error::Driver { program: "alive-collector".into(), said: format!("{other:?}") }),
        }
    }

    /// Lets a stopped process go on.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        kill(self.pid(), Signal::SIGCONT).map_err(Error::os("letting the collector go on"))
    }

    /// Waits until nothing waits in the queue; false when that does not come about.
    pub(crate) fn drained(&self) -> Result<bool, Error> {
        let drained = wait_for(|| Ok(self.queue()?.is_some_and(|queue| queue.waiting == 0)))?;
        // The last batch has left the queue and is still being added up.
        sleep(Duration::from_millis(5));
        Ok(drained)
    }

    /// Its queue as the kernel sees it; `None` when it does not listen.
    pub(crate) fn queue(&self) -> Result<Option<Queue>, Error> {
        let table = fs::read_to_string("/proc/net/udp").map_err(Error::io("reading /proc/net/udp"))?;
        Ok(queue_of(&table, self.address.port()))
    }

    /// Nanoseconds that the receiving thread has spent on a processor, exact while it sleeps.
    pub(crate) fn receiver_nanos(&self) -> Result<f64, Error> {
        let what = Error::io("reading a thread's schedstat");
        let numbers = fs::read_to_string(&self.schedstat).map_err(what)?;
        // Time on a processor, time in wait for one, turns.
        let nanos = numbers.split_whitespace().next().and_then(|number| number.parse().ok());
        let missing = "this kernel counts no times of threads (CONFIG_SCHED_INFO)";
        nanos.ok_or_else(|| Error::Unavailable(missing.into()))
    }

    /// Its niceness, as the kernel has it.
    pub(crate) fn niceness(&self) -> Result<i32, Error> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .map_err(Error::io("reading the collector's stat"))?;
        // The name may hold anything, so what follows it is counted from its end.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let missing = || Error::Unavailable("/proc has no niceness".into());
        fields.into_iter().nth(16).and_then(|field| field.parse().ok()).ok_or_else(missing)
    }

    /// Asks it to end and waits until it has written everything.
    pub(crate) fn finish(mut self) -> Result<Left, Error> {
        kill(self.pid(), Signal::SIGTERM).map_err(Error::os("ending the collector"))?;
        let before = children_seconds()?;
        self.child.wait().map_err(Error::io("waiting for the collector"))?;
        let seconds = children_seconds()? - before;
        let said = fs::read_to_string(self.folder.path().join(LOG));
        let said = said.map_err(Error::io("reading the collector's log"))?;
        let stored = alive_store::snapshot(&self.folder.path().join(DATABASE));
        match (counted(&said), stored) {
            (Some(counted), Ok(stored)) => Ok(Left { counted, stored, seconds }),
            (_, stored) => {
                let said = stored.err().map_or(said, |error| error.to_string());
                Err(Error::Driver { program: "alive-collector".into(), said })
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The folder entry of the thread that receives, by its name.
    fn receiver(&self) -> Result<Option<PathBuf>, Error> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let named = |entry: io::Result<fs::DirEntry>| {
            let thread = entry.ok()?.path();
            let name = fs::read_to_string(thread.join("comm")).ok()?;
            (name.trim_end() == "alive-receiver").then(|| thread.join("schedstat"))
        };
        Ok(fs::read_dir(&tasks).map_err(Error::io(tasks))?.find_map(named))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Waited for already, its pid may be somebody else's.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // A stopped process takes SIGTERM only when it goes on.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let _ = self.go_on();
        let _ = self.child.wait();
    }
}

/// Seconds on processors of the children that were waited for.
fn children_seconds() -> Result<f64, Error> {
    others::seconds(UsageWho::RUSAGE_CHILDREN)
}

/// The figures of the last line of a collector's log.
fn counted(said: &str) -> Option<Counted> {
    let (_, figures) = said.rsplit_once(" stopped ")?;
    let figure = |name: &str| {
        figures.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    Some(Counted { datagrams: figure("datagrams")?, kernel_drops: figure("kernel_drops")? })
}

/// Asks every millisecond; false when the patience ends first.
fn wait_for(mut done: impl FnMut() -> Result<bool, Error>) -> Result<bool, Error> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if done()? {
            return Ok(true);
        }
        sleep(Duration::from_millis(1));
    }
    Ok(false)
}

/// The line of the socket bound to `port` in `/proc/net/udp`.
fn queue_of(table: &str, port: u16) -> Option<Queue> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        if !columns.get(1)?.ends_with(&port) {
            return None;
        }
        let (_, waiting) = columns.get(4)?.split_once(':')?;
        Some(Queue { waiting: u64::from_str_radix(waiting, 16).ok()?, drops: columns.last()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::{Counted, Queue, counted, queue_of};

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 111 2 0000000000000000 0
  423: 0100007F:638B 00000000:0000 07 00000000:00001900 00:00000000 00000000     0        0 222 2 0000000000000000 17
";

    #[test]
    fn a_queue_is_found_by_its_port() {
        assert_eq!(queue_of(TABLE, 25483), Some(Queue { waiting: 0x1900, drops: 17 }));
        assert_eq!(queue_of(TABLE, 53), Some(Queue { waiting: 0, drops: 0 }));
        assert_eq!(queue_of(TABLE, 1), None);
    }

    #[test]
    fn the_figures_stand_in_the_last_line() {
        let said = "INFO listening on 127.0.0.1:9\nINFO stopped datagrams=12 events=11 kernel_drops=3 sequence_gaps=2\n";
        assert_eq!(counted(said), Some(Counted { datagrams: 12, kernel_drops: 3 }));
        assert_eq!(counted("INFO listening on 127.0.0.1:9\n"), None);
    }
}
