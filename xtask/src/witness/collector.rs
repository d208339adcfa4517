//! A real collector on a free port, for as long as a witness is heard.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cargo;
use crate::failure::{Context, Failure};

/// Longest time that it may take to listen.
const READY: Duration = Duration::from_secs(30);

/// A running collector.
#[derive(Debug)]
pub(crate) struct Collector {
    child: Child,
    address: String,
    events: PathBuf,
}

impl Collector {
    /// Starts one that keeps its files in a folder, and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Result<Self, Failure> {
        let log = folder.join("collector.log");
        let events = folder.join("events.ndjson");
        let mut command = Command::new(cargo::built("alive-collector"));
        command.args(["--listen", "127.0.0.1:0", "--db"]).arg(folder.join("alive.db"));
        command.arg("--events").arg(&events).stdin(Stdio::null()).stdout(Stdio::null());
        let file = File::create(&log).context(format!("making {}", log.display()))?;
        let child = command.stderr(file).spawn().context("starting alive-collector")?;
        let mut collector = Self { child, address: String::new(), events };
        let start = Instant::now();
        loop {
            let said = std::fs::read_to_string(&log).context(format!("reading {}", log.display()))?;
            if let Some(address) = address(&said) {
                address.clone_into(&mut collector.address);
                return Ok(collector);
            }
            let over = collector.child.try_wait().context("waiting for alive-collector")?.is_some();
            if over || start.elapsed() > READY {
                return Err(Failure::Findings(vec![format!("alive-collector does not listen: {said}")]));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it in good order, so that all it received is written, and returns the events' file.
    pub(crate) fn stop(mut self) -> Result<PathBuf, Failure> {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, Signal::SIGTERM).map_err(std::io::Error::from).context("stopping alive-collector")?;
        let status = self.child.wait().context("waiting for alive-collector")?;
        if status.success() {
            Ok(std::mem::take(&mut self.events))
        } else {
            Err(Failure::Status { command: "alive-collector".to_owned(), status })
        }
    }

    /// Address and port, as `ALIVE_ADDR` takes them.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // After a stop it is over already, and the two do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the collector's first line.
fn address(said: &str) -> Option<&str> {
    said.split_once("listening on ")?.1.split_once(',').map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_collectors_first_line_holds_its_address() {
        let said = "2026-01-02T03:04:05.677000Z  INFO listening on 127.0.0.1:47901, writing to /x/alive.db\n";
        assert_eq!(address(said), Some("127.0.0.1:47901"));
        assert_eq!(address("2026-01-02T03:04:05.677000Z  INFO list"), None);
    }
}
