//! One program, run to its end or to the end of its time, with nothing of it left behind.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Gid, Pid, Uid};

/// How often a program is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The user and the group `nobody`.
pub(crate) const NOBODY: u32 = 65534;

/// A program to run, in an environment of its own.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) words: Vec<OsString>,
    pub(crate) folder: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Run as the user `nobody`; only root can.
    pub(crate) as_nobody: bool,
    /// It is killed after this time.
    pub(crate) limit: Duration,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Status(ExitStatus),
    TimedOut,
}

impl Ending {
    /// True for exit status 0.
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::Status(status) if status.success())
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("ended: it took too long"),
            Self::Status(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(signal)) => write!(f, "killed by signal {signal}"),
                (None, None) => f.write_str("neither exit status nor signal"),
            },
        }
    }
}

impl Program {
    /// Runs it with both outputs going to a file, and returns its process id and how it ended.
    ///
    /// `keep` is the one child of this process that is not ended afterwards.
    pub(crate) fn run(&self, output: &Path, keep: Option<u32>) -> io::Result<(u32, Ending)> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(io::Error::other("a program without a name"));
        };
        let file = File::create(output)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        if self.as_nobody {
            command.gid(NOBODY).uid(NOBODY);
        }
        let mut child = command.spawn()?;
        let pid = child.id();
        let status = self.wait(&mut child, keep);
        // A group of which nobody is left is no error.
        let _ = killpg(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
        if !matches!(status, Ok(Some(_))) {
            child.wait()?;
        }
        end_orphans(keep);
        Ok((pid, status?.map_or(Ending::TimedOut, Ending::Status)))
    }

    /// Waits; `None` when its time is over. An interruption is an error of that kind.
    fn wait(&self, child: &mut Child, keep: Option<u32>) -> io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        let own = [Some(child.id()), keep];
        let interruption = SignalFd::with_flags(&interruptions(), SfdFlags::SFD_NONBLOCK)?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if interruption.read_signal()?.is_some() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if start.elapsed() > self.limit {
                return Ok(None);
            }
            // A test may wait until the last trace of its orphan is gone.
            for orphan in children(&own) {
                // It may not have ended yet.
                let _ = waitpid(orphan, Some(WaitPidFlag::WNOHANG));
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Holds back what would end this process while a program runs, for that program would run on.
/// [`Program::run`] ends it first.
pub(crate) fn hold_interruptions() -> io::Result<()> {
    Ok(interruptions().thread_block()?)
}

fn interruptions() -> SigSet {
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])
}

/// Gives a folder to `nobody`.
pub(crate) fn give_to_nobody(folder: &Path) -> io::Result<()> {
    Ok(nix::unistd::chown(folder, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY)))?)
}

/// Ends every child but one. This process is a subreaper, so these are the test's leftovers, and
/// what they in turn leave behind comes next.
fn end_orphans(keep: Option<u32>) {
    loop {
        let ended = children(&[keep]).into_iter().filter(|orphan| kill(*orphan, Signal::SIGKILL).is_ok());
        let reaped = ended.map(|orphan| while waitpid(orphan, None) == Err(Errno::EINTR) {}).count();
        if reaped == 0 {
            return;
        }
    }
}

/// Processes that the main thread has started or inherited, but for some.
fn children(except: &[Option<u32>]) -> Vec<Pid> {
    let own = std::process::id();
    let listed = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|word| word.parse::<u32>().ok())
        .filter(|pid| !except.contains(&Some(*pid)))
        .map(|pid| Pid::from_raw(pid.cast_signed()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Program {
        Program {
            words: ["/bin/sh", "-c", script].map(OsString::from).to_vec(),
            folder: "/".into(),
            environment: vec![("GREETING".into(), "hello".into())],
            as_nobody: false,
            limit,
        }
    }

    #[test]
    fn output_and_status_are_the_programs_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("output");
        let program = shell("echo $GREETING; echo there >&2; exit 3", Duration::from_secs(60));
        let (_, ending) = program.run(&output, Some(0)).expect("a shell");
        assert_eq!(ending.to_string(), "exit status 3");
        assert_eq!(std::fs::read_to_string(output).expect("its output"), "hello\nthere\n");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = shell("sleep 600 & wait", Duration::from_millis(50));
        let (_, ending) = program.run(&folder.path().join("output"), Some(0)).expect("a shell");
        assert_eq!(ending, Ending::TimedOut);
    }
}
