//! A folder, a collector, and programs that run in front of it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::artifacts;
use crate::events::Events;
use crate::running::{Outcome, Running};

/// Longest time until the collector has written what it received.
const COLLECTOR_DEADLINE: Duration = Duration::from_secs(15);

/// Where a collector listens that nobody told otherwise.
const DEFAULT_PORT: u16 = 25_483;

/// A test's own world. The folder is kept, and named, when the test fails.
#[derive(Debug)]
pub struct Scene {
    folder: Option<TempDir>,
    collector: Option<Child>,
    address: SocketAddr,
    http: Option<SocketAddr>,
    numbers: AtomicU32,
}

impl Scene {
    /// A folder and a collector that is known to receive.
    ///
    /// # Panics
    /// When the collector is not built or does not come up.
    #[must_use]
    pub fn start() -> Self {
        let mut scene = Self::without_collector();
        scene.start_collector();
        scene
    }

    /// A folder, and an address where nobody listens.
    ///
    /// # Panics
    /// When no temporary folder or port can be had.
    #[must_use]
    pub fn without_collector() -> Self {
        let folder = tempfile::Builder::new().prefix("alive-test-").tempdir().expect("a temporary folder");
        let address = free_address();
        Self { folder: Some(folder), collector: None, address, http: None, numbers: AtomicU32::new(0) }
    }

    /// A folder and a collector that serves its page, too.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn serving() -> Self {
        let mut scene = Self::without_collector();
        scene.http = Some(free_address());
        scene.start_collector();
        scene
    }

    /// Where the page is, or another thing that is served.
    ///
    /// # Panics
    /// When the collector serves nothing.
    #[must_use]
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.http.expect("the collector serves its page"))
    }

    /// Starts the collector at the scene's address, with the scene's database and events file.
    ///
    /// # Panics
    /// When it is not built or does not come up.
    pub fn start_collector(&mut self) {
        let log = File::create(self.path("collector.log")).expect("a file in the scene");
        let mut collector = Command::new(artifacts::built("alive-collector"));
        if let Some(address) = self.http {
            collector.args(["--http", &address.to_string()]);
        }
        let collector = collector
            .env_remove("LD_PRELOAD")
            .args(["--listen", &self.address.to_string(), "--db"])
            .arg(self.path("alive.db"))
            .arg("--events")
            .arg(self.path("events.ndjson"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second descriptor"))
            .stderr(log)
            .spawn()
            .expect("the collector is a program");
        self.collector = Some(collector);
        self.await_mark();
    }

    /// Ends the collector with SIGTERM, as a service manager does, and waits for it.
    ///
    /// # Panics
    /// When it does not end with status 0.
    pub fn stop_collector(&mut self) {
        let mut collector = self.collector.take().expect("the collector runs");
        signal(&collector, Signal::SIGTERM);
        let status = wait(&mut collector).expect("the collector ends at SIGTERM");
        assert!(status.success(), "collector: {status}; {}", self.collector_log());
    }

    /// Kills the collector as `kill -9` does, and waits until it is gone.
    ///
    /// # Panics
    /// When there is none.
    pub fn kill_collector(&mut self) {
        let mut collector = self.collector.take().expect("the collector runs");
        signal(&collector, Signal::SIGKILL);
        let _ = wait(&mut collector).expect("nothing outlives SIGKILL");
    }

    /// Makes sure that nobody listens.
    ///
    /// # Panics
    /// As [`Self::stop_collector`].
    pub fn stop_collector_if_any(&mut self) {
        if self.collector.is_some() {
            self.stop_collector();
        }
    }

    /// Where the collector listens, or nobody.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path in the scene's folder.
    ///
    /// # Panics
    /// Never while the scene lives.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.as_ref().expect("the folder lives as long as the scene").path().join(name)
    }

    /// Makes a small file in the scene's folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folder of the file");
        std::fs::write(&path, "1;\n").expect("a file in the scene");
        path
    }

    /// A test program under the shim.
    #[must_use]
    pub fn traced(&self, program: &str) -> Command {
        self.traced_command(&artifacts::program(program))
    }

    /// Any program under the shim.
    #[must_use]
    pub fn traced_command(&self, program: &Path) -> Command {
        let mut command = self.command(program);
        command.env("LD_PRELOAD", artifacts::shim()).env("ALIVE_ADDR", self.address.to_string());
        command
    }

    /// The same program without it.
    #[must_use]
    pub fn plain(&self, program: &str) -> Command {
        self.command(&artifacts::program(program))
    }

    /// Any program, in the scene's folder and with a small environment of its own.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path(""))
            .env("TMPDIR", self.path(""))
            .current_dir(self.path(""));
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started, or takes too long.
    #[track_caller]
    pub fn run(&self, command: &mut Command) -> Outcome {
        Running::start(self, command).end()
    }

    /// A number that nothing else in the scene has.
    pub(crate) fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything that was sent before this call, as the collector wrote it down.
    ///
    /// # Panics
    /// When the collector does not answer for it in time.
    #[track_caller]
    #[must_use]
    pub fn events(&self) -> Events {
        self.await_mark();
        Events::parse(&self.events_text())
    }

    /// The events file as it is now.
    #[must_use]
    pub fn events_text(&self) -> String {
        std::fs::read_to_string(self.path("events.ndjson")).unwrap_or_default()
    }

    /// Sends a ping of its own and waits until it stands in the events file. One socket receives in
    /// order, so what was sent before stands there too. A lost ping is sent again.
    #[track_caller]
    fn await_mark(&self) {
        let mark = format!("mark-{}", self.next_number());
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let line = format!("alive1\tping\tname={mark}\n");
        let until = Instant::now() + COLLECTOR_DEADLINE;
        let mut next = Instant::now();
        while Instant::now() < until {
            if Instant::now() >= next {
                // Refused while the collector is still starting; the next round tries again.
                let _ = socket.send_to(line.as_bytes(), self.address);
                next += Duration::from_millis(200);
            }
            if self.events_text().contains(&mark) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the collector at {} wrote nothing; {}", self.address, self.collector_log());
    }

    fn collector_log(&self) -> String {
        let log = std::fs::read(self.path("collector.log")).unwrap_or_default();
        format!("its log: {}", String::from_utf8_lossy(&log))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(mut collector) = self.collector.take() {
            signal(&collector, Signal::SIGTERM);
            if wait(&mut collector).is_none() {
                let _ = collector.kill();
                let _ = collector.wait();
            }
        }
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("the scene is kept in {}", folder.keep().display());
        }
    }
}

/// An address of this machine that nobody has, and that the kernel gives to nobody who asks for any port: every
/// client that sends a datagram is given one of those for a moment.
fn free_address() -> SocketAddr {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(131);
    for _ in 0..1_000 {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = u16::try_from(10_000 + number).expect("below 30,000");
        let is_free = || {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
                && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        if port != DEFAULT_PORT && is_free() {
            return (Ipv4Addr::LOCALHOST, port).into();
        }
    }
    panic!("no free port between 10,000 and 30,000");
}

/// Sends a signal to a child that was not waited for yet.
fn signal(child: &Child, signal: Signal) {
    // A child that ended meanwhile is a zombie until it is waited for: its pid is still its own.
    let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
}

/// Waits for the collector; `None` when it still runs at the deadline.
fn wait(collector: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + COLLECTOR_DEADLINE;
    loop {
        if let Some(status) = collector.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}
