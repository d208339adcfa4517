//! The traced command: started, sent the signals that were meant for it, and waited for.
//!
//! Signals are read from a descriptor instead of caught, so a disposition that was inherited
//! (`nohup`) stays as it is, in the command too.
//!
//! Which signals are passed on: one that a process sent to alive (`kill PID`, a service manager)
//! is. One that the terminal's driver sent on Ctrl-C or Ctrl-\ went to the whole foreground group,
//! the command with it, and is not passed on again unless the command left the group. A hang-up
//! reaches the leader of the session alone, so alive passes it on when that is itself. A process
//! that signals the whole group (`kill -TERM -PGID`) cannot be told from one that signals alive
//! alone: the command gets that one twice.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid, getpgrp, getpid, getsid};

use alive_report::escape;

use crate::launch::Launch;

/// Signals that are passed on to the command.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// Of these, those that mean an end.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// How often the caller is given its turn while the command runs.
const TICK: Duration = Duration::from_millis(200);

/// Why the command could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot watch for signals: {0}: raise the limit of open files (ulimit -n)")]
    Signals(Errno),
    #[error("cannot start {}: {source}: check the command", escape::terminal(.command))]
    Spawn { command: Vec<u8>, source: io::Error },
    #[error("cannot wait for the command: {0}: start alive without SIGCHLD being ignored")]
    Wait(Errno),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Signaled(Signal),
}

impl Ended {
    /// The status as a shell tells it.
    pub(crate) fn shell_status(self) -> u8 {
        let status = match self {
            Self::Exited(status) => status,
            Self::Signaled(signal) => 128 + signal as i32,
        };
        // The kernel keeps the low byte of a status.
        u8::try_from(status & 0xff).unwrap_or(u8::MAX)
    }
}

/// What the rest of the command's processes did after it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// All have ended.
    Gone,
    /// Some live on.
    Lives,
}

/// Runs one command.
#[derive(Debug)]
pub(crate) struct Supervisor {
    signals: SignalFd,
    /// What was blocked before alive blocked its own: the command's mask.
    inherited: SigSet,
}

impl Supervisor {
    /// Takes over the signals of this process and of the threads that it starts from now on, so
    /// make it before any. Processes that the command leaves behind become children of this one.
    ///
    /// # Errors
    /// [`Error::Signals`].
    pub(crate) fn new() -> Result<Self, Error> {
        let mut set: SigSet = PASSED_ON.into_iter().collect();
        set.add(Signal::SIGCHLD);
        let inherited = set.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(Error::Signals)?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).map_err(Error::Signals)?;
        // Kernels from 3.4 on have it; without, processes left behind are not seen, no more.
        let _ = prctl::set_child_subreaper(true);
        Ok(Self { signals, inherited })
    }

    /// Runs the command until it ends, giving the caller a turn now and then, and one before a signal that
    /// usually ends a command is passed on.
    ///
    /// # Errors
    /// [`Error::Spawn`] or [`Error::Wait`].
    pub(crate) fn run(
        &self,
        command: &Launch,
        mut turn: impl FnMut(),
        mut before_end: impl FnMut(),
    ) -> Result<Ended, Error> {
        let child = command.start(&self.inherited).map_err(|source| Error::Spawn {
            command: command.path().as_os_str().as_bytes().to_vec(),
            source,
        })?;
        loop {
            if let Reaped::Ended(ended) = reap(child)? {
                return Ok(ended);
            }
            self.sleep(TICK);
            while let Some(info) = self.next_signal() {
                let Some(signal) = signal_of(&info) else { continue };
                if ENDING.contains(&signal) {
                    before_end();
                }
                if !reached_the_group(&info, signal, child) {
                    // It may have ended in this moment; then there is nobody to pass it on to.
                    let _ = kill(child, signal);
                }
            }
            turn();
        }
    }

    /// Waits for the processes that the command left behind: with `follow` until all have ended,
    /// passing signals on as [`Supervisor::run`] does, else until `quiet` says that nothing more comes. A second signal, or
    /// without `follow` the first, ends the waiting.
    ///
    /// # Errors
    /// [`Error::Wait`].
    pub(crate) fn linger(
        &self,
        follow: bool,
        mut quiet: impl FnMut() -> bool,
        mut before_end: impl FnMut(),
    ) -> Result<Rest, Error> {
        let mut passed_on = false;
        loop {
            if reap(Pid::from_raw(0))? == Reaped::NobodyLeft {
                return Ok(Rest::Gone);
            }
            if quiet() && !follow {
                return Ok(Rest::Lives);
            }
            self.sleep(TICK);
            while let Some(info) = self.next_signal() {
                let Some(signal) = signal_of(&info) else { continue };
                if !follow || passed_on {
                    return Ok(Rest::Lives);
                }
                if ENDING.contains(&signal) {
                    before_end();
                }
                for orphan in children() {
                    let _ = kill(orphan, signal);
                }
                passed_on = ENDING.contains(&signal);
            }
        }
    }

    /// Gives the signals back, so that one can end alive while somebody is slow to read the report.
    /// Those that came meanwhile have been seen to.
    pub(crate) fn release(self) {
        while self.next_signal().is_some() {}
        // At worst they stay blocked.
        let _ = self.inherited.thread_set_mask();
    }

    /// Until a signal comes or the time is over.
    fn sleep(&self, time: Duration) {
        let mut descriptors = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        // A failure only means to look again sooner.
        let _ = poll(&mut descriptors, PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX));
    }

    fn next_signal(&self) -> Option<siginfo> {
        self.signals.read_signal().ok().flatten()
    }
}

/// The signal, if it is one to pass on.
fn signal_of(info: &siginfo) -> Option<Signal> {
    let signal = Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()?;
    PASSED_ON.contains(&signal).then_some(signal)
}

/// Whether the kernel itself sent the signal to the command too.
fn reached_the_group(info: &siginfo, signal: Signal, child: Pid) -> bool {
    if info.ssi_code != libc::SI_KERNEL {
        return false;
    }
    if signal == Signal::SIGHUP && getsid(None) == Ok(getpid()) {
        return false;
    }
    getpgid(Some(child)) == Ok(getpgrp())
}

/// What there was to reap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaped {
    /// The child that was asked about.
    Ended(Ended),
    /// Others, or nobody yet.
    SomeLeft,
    /// There is no child any more.
    NobodyLeft,
}

/// Reaps all that have ended, orphans of the command included.
fn reap(child: Pid) -> Result<Reaped, Error> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Ok(Reaped::Ended(Ended::Exited(status)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Reaped::Ended(Ended::Signaled(signal)));
            }
            Ok(WaitStatus::StillAlive) => return Ok(Reaped::SomeLeft),
            Ok(_) | Err(Errno::EINTR) => {}
            // Only pid 0 stands for nobody in particular: then it is good to find nobody.
            Err(Errno::ECHILD) if child.as_raw() == 0 => return Ok(Reaped::NobodyLeft),
            Err(error) => return Err(Error::Wait(error)),
        }
    }
}

/// The children of this process; none where the kernel does not list them.
fn children() -> Vec<Pid> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .map(Pid::from_raw)
        .collect()
}

/// Tells when a number has stood still for some time.
#[derive(Debug)]
pub(crate) struct Stillness {
    value: u64,
    since: Instant,
    needed: Duration,
}

impl Stillness {
    /// Begins with no value seen.
    pub(crate) fn new(needed: Duration) -> Self {
        Self { value: 0, since: Instant::now(), needed }
    }

    /// Whether `value` has been the same for the time needed.
    pub(crate) fn is_still(&mut self, value: u64) -> bool {
        if value != self.value {
            self.value = value;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use super::{Ended, Stillness};
    use nix::sys::signal::Signal;
    use std::time::Duration;

    #[test]
    fn statuses_are_those_of_a_shell() {
        assert_eq!(Ended::Exited(0).shell_status(), 0);
        assert_eq!(Ended::Exited(7).shell_status(), 7);
        assert_eq!(Ended::Signaled(Signal::SIGTERM).shell_status(), 143);
    }

    #[test]
    fn a_number_is_still_once_it_has_not_moved_for_long_enough() {
        let mut never = Stillness::new(Duration::from_secs(3600));
        assert!(!never.is_still(1));
        assert!(!never.is_still(1));
        let mut at_once = Stillness::new(Duration::ZERO);
        assert!(at_once.is_still(1));
    }
}
