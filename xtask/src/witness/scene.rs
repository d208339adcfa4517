//! The place where the parts of a suite are run: folders, environment, and a collector that receives.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::archive::make;
use super::collector::Collector;
use super::outcome::{Outcome, Outcomes, add};
use super::process::{Program, give_to_nobody};
use super::suite::Part;
use crate::cargo;
use crate::failure::{Context, Failure};

/// Longest time that a canary may take.
const CANARY: Duration = Duration::from_secs(30);

/// The name under which a program's own ending stands among its tests.
pub(crate) const ENDING: &str = "(how it ended)";

/// Folders, and a running collector.
#[derive(Debug)]
pub(crate) struct Scene {
    folder: TempDir,
    logs: PathBuf,
    shim: PathBuf,
    collector: Collector,
    /// Process ids of the programs that must have reported.
    canaries: Vec<u32>,
}

/// What the collector heard of the programs that ran under the shim.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Programs under the shim that forked, and so reported.
    pub(crate) programs: usize,
    /// Late loads and names looked for in vain.
    pub(crate) events: usize,
    /// Whether it heard of every canary. If not, the pairs witness nothing.
    pub(crate) canaries: bool,
}

impl Scene {
    /// Starts a collector on a free port, with a database of its own. Logs go below `archive`.
    pub(crate) fn set(archive: &Path) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("alive-witness-").tempdir();
        let folder = folder.context("making a temporary folder")?;
        // The user nobody works here, too.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).context("opening the temporary folder")?;
        let shim = folder.path().join("libpostfork.so");
        std::fs::copy(cargo::built("libpostfork.so"), &shim).context("copying the shim")?;
        let collector = Collector::start(folder.path())?;
        let logs = archive.join("logs");
        make(&logs)?;
        let mut scene = Self { folder, logs, shim, collector, canaries: Vec::new() };
        scene.send_canary(false)?;
        if nix::unistd::geteuid().is_root() {
            scene.send_canary(true)?;
        }
        Ok(scene)
    }

    /// Runs a program under the shim that is sure to report, for it forks.
    fn send_canary(&mut self, as_nobody: bool) -> Result<(), Failure> {
        let program = Program {
            words: ["/bin/sh", "-c", "(:) & wait"].map(OsString::from).to_vec(),
            folder: self.work(),
            environment: self.environment(),
            as_nobody,
            limit: CANARY,
        };
        let part = Part { name: "canary".to_owned(), program, read: |_, _| Outcomes::new() };
        let (pid, _) = self.run(&part, true)?;
        self.canaries.push(pid);
        Ok(())
    }

    /// The folder that is empty whenever a program starts.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// What every program's environment begins with.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let work = self.work();
        vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into()),
            ("HOME".into(), work.clone().into()),
            ("TMPDIR".into(), work.join("tmp").into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TZ".into(), "UTC".into()),
        ]
    }

    /// Runs a part of a suite once, and returns what its tests said.
    pub(crate) fn play(&self, part: &Part, with_shim: bool) -> Result<Outcomes, Failure> {
        let (_, outcomes) = self.run(part, with_shim)?;
        Ok(outcomes)
    }

    fn run(&self, part: &Part, with_shim: bool) -> Result<(u32, Outcomes), Failure> {
        let mut program = part.program.clone();
        if with_shim {
            program.environment.push(("LD_PRELOAD".into(), self.shim.clone().into()));
            program.environment.push(("ALIVE_ADDR".into(), self.collector.address().into()));
        }
        self.clear(program.as_nobody)?;
        let way = if with_shim { "with" } else { "without" };
        let log = self.logs.join(format!("{}.{way}.txt", part.name.replace(['/', ' '], "_")));
        let (pid, ending) = program.run(&log, Some(self.collector.pid())).context(part.name.as_str())?;
        let output = std::fs::read(&log).context(format!("reading {}", log.display()))?;
        let mut outcomes = (part.read)(&String::from_utf8_lossy(&output), &self.work());
        add(&mut outcomes, ENDING, Outcome::new(&ending.to_string(), ""));
        Ok((pid, outcomes))
    }

    /// Makes the working folder anew.
    fn clear(&self, for_nobody: bool) -> Result<(), Failure> {
        let work = self.work();
        if work.exists() {
            std::fs::remove_dir_all(&work).context(format!("removing {}", work.display()))?;
        }
        for folder in [work.clone(), work.join("tmp")] {
            make(&folder)?;
            if for_nobody {
                give_to_nobody(&folder).context(format!("giving {} to nobody", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Stops the collector and counts what it heard.
    pub(crate) fn strike(self) -> Result<Heard, Failure> {
        let Self { folder, collector, canaries, .. } = self;
        let events = collector.stop()?;
        let file = File::open(&events).context(format!("opening {}", events.display()))?;
        let heard = hear(BufReader::new(file), &canaries).context(format!("reading {}", events.display()));
        drop(folder);
        heard
    }
}

/// Counts events and looks for the canaries among them.
fn hear(events: impl BufRead, canaries: &[u32]) -> std::io::Result<Heard> {
    let mut heard = Heard::default();
    let mut started = BTreeSet::new();
    for line in events.split(b'\n') {
        let Ok(event) = serde_json::from_slice::<serde_json::Value>(&line?) else { continue };
        match event["event"].as_str() {
            Some("start") => {
                heard.programs += 1;
                started.extend(event["pid"].as_u64());
            }
            Some("load" | "missing") => heard.events += 1,
            _ => {}
        }
    }
    heard.canaries = canaries.iter().all(|pid| started.contains(&u64::from(*pid)));
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_that_was_not_heard_is_missed() {
        let events = concat!(
            r#"{"event":"start","time":1,"pid":10,"ppid":1}"#,
            "\n",
            r#"{"event":"load","time":2,"pid":11,"ppid":10}"#,
            "\n",
            r#"{"event":"missing","time":2,"pid":11,"ppid":10}"#,
            "\n",
        );
        let hear = |canaries: &[u32]| hear(events.as_bytes(), canaries).expect("events from memory");
        let heard = hear(&[10]);
        assert_eq!((heard.programs, heard.events, heard.canaries), (1, 2, true));
        assert!(!hear(&[10, 11]).canaries, "a load is no sign of life of the program itself");
    }
}
