//! One process, held by its folder in /proc.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, fstat, open, openat};
use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};

use crate::maps::{self, Mapping};
use crate::stat::Stat;
use crate::{Sizes, Unread};

/// One process, held by its folder in /proc: when it has ended nothing more can be read through it, also when
/// its pid is given to another.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    folder: OwnedFd,
}

impl Process {
    /// Takes hold of the process that has a pid now. Compare [`Stat::start_ticks`] where it has to be the one
    /// that had it before.
    ///
    /// # Errors
    /// [`Unread::Ended`] when there is none, [`Unread::Hidden`] when there is one that /proc does not show.
    pub fn open(pid: u32) -> Result<Self, Unread> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match open(format!("/proc/{pid}"), flags, Mode::empty()) {
            Ok(folder) => Ok(Self { pid, folder }),
            Err(Errno::NOENT) if is_alive(pid) => Err(Unread::Hidden),
            Err(Errno::NOENT | Errno::SRCH) => Err(Unread::Ended),
            Err(error) => Err(Unread::Failed { pid, file: ".", words: error.to_string() }),
        }
    }

    /// Its pid, as this process's /proc has it.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Who it is. Everybody may read that unless hidepid is set.
    ///
    /// # Errors
    /// Why it cannot be read; a process that has ended and was not waited for is [`Unread::Ended`].
    pub fn stat(&self) -> Result<Stat, Unread> {
        let text = self.read("stat")?;
        let stat = Stat::parse(&text).ok_or_else(|| self.failed("stat", "it has another form"))?;
        if stat.has_ended { Err(Unread::Ended) } else { Ok(stat) }
    }

    /// What it holds. Needs the same rights as a debugger that only reads: the same user, or root.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn sizes(&self) -> Result<Sizes, Unread> {
        // Before Linux 4.14 the kernel does not add up by itself.
        let text = match self.read("smaps_rollup") {
            Err(Unread::Ended) if self.stat().is_ok() => self.read("smaps")?,
            text => text?,
        };
        Sizes::parse(&text).ok_or_else(|| self.without_memory())
    }

    /// What is mapped into it. Needs the same rights as [`Process::sizes`].
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn maps(&self) -> Result<Vec<Mapping>, Unread> {
        self.mappings("maps")
    }

    /// The same with what each mapping holds. The kernel walks every page for it: for a process of a gigabyte
    /// that takes tens of milliseconds.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn smaps(&self) -> Result<Vec<Mapping>, Unread> {
        self.mappings("smaps")
    }

    /// Its command line, words separated by spaces; empty for a thread of the kernel.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn command(&self) -> Result<Vec<u8>, Unread> {
        let mut line = self.read("cmdline")?;
        // A title that was written over it is often padded.
        let end = line.iter().rposition(|&byte| byte != 0 && byte != b' ').map_or(0, |last| last + 1);
        line.truncate(end);
        line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        Ok(line)
    }

    fn mappings(&self, file: &'static str) -> Result<Vec<Mapping>, Unread> {
        let mappings = maps::parse(&self.read(file)?);
        if mappings.is_empty() { Err(self.without_memory()) } else { Ok(mappings) }
    }

    fn read(&self, file: &'static str) -> Result<Vec<u8>, Unread> {
        self.try_read(file).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOENT) if self.is_hidden() => Unread::Hidden,
            Some(Errno::NOENT | Errno::SRCH) => Unread::Ended,
            Some(Errno::ACCESS | Errno::PERM) => self.denied(),
            _ => self.failed(file, &error.to_string()),
        })
    }

    fn try_read(&self, file: &str) -> io::Result<Vec<u8>> {
        let opened = openat(&self.folder, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = Vec::new();
        File::from(opened).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Whether hidepid=2 makes the kernel deny that it is there: of one that has ended the folder can be asked.
    fn is_hidden(&self) -> bool {
        fstat(&self.folder).is_err_and(|error| error == Errno::NOENT)
    }

    /// Why a process that is there has nothing mapped.
    fn without_memory(&self) -> Unread {
        match self.stat() {
            Ok(stat) if stat.is_kernel => Unread::Kernel,
            Ok(_) => self.failed("smaps", "nothing is in it"),
            Err(error) => error,
        }
    }

    fn failed(&self, file: &'static str, words: &str) -> Unread {
        Unread::Failed { pid: self.pid, file, words: words.to_owned() }
    }

    /// Why it may not be read. Yama's `ptrace_scope` is none of the reasons: it forbids to attach, not to read.
    fn denied(&self) -> Unread {
        let Some(users) = self.try_read("status").ok().and_then(|status| users(&status)) else {
            return Unread::Hidden;
        };
        let mine = geteuid().as_raw();
        let uid = users[1];
        // Root owns the folder of a process that the kernel closes, whoever runs it.
        let owner = fstat(&self.folder).map_or(uid, |folder| folder.st_uid);
        if mine == 0 {
            Unread::Capability
        } else if users[..3].iter().any(|&user| user != mine) && owner == uid {
            Unread::OtherUser { uid }
        } else {
            Unread::Closed { uid }
        }
    }
}

/// Real, effective, saved and file system user.
fn users(status: &[u8]) -> Option<[u32; 4]> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let mut users = str::from_utf8(line).ok()?.split_ascii_whitespace().map(str::parse);
    let mut next = || users.next()?.ok();
    Some([next()?, next()?, next()?, next()?])
}

/// Whether a process has this pid though /proc does not show it.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

#[cfg(test)]
mod tests {
    use super::{Process, users};
    use crate::Unread;

    #[test]
    fn users_are_found_in_the_status() {
        let status = b"Name:\tUid: 7\nUmask:\t0022\nUid:\t0\t33\t34\t35\nGid:\t0\t0\t0\t0\n";
        assert_eq!(users(status), Some([0, 33, 34, 35]));
        assert_eq!(users(b"Name:\tx\n"), None);
        assert_eq!(users(b"Uid:\t0\t33\n"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let process = Process::open(std::process::id()).unwrap();
        let stat = process.stat().unwrap();
        assert!(stat.start_ticks > 0 && !stat.is_kernel);
        let sizes = process.sizes().unwrap();
        assert!(sizes.private_dirty_kib > 0 && sizes.pss_kib <= sizes.rss_kib);
        assert!(process.command().unwrap().starts_with(std::env::args().next().unwrap().as_bytes()));
        let maps = process.maps().unwrap();
        assert!(maps.iter().any(|mapping| mapping.path == b"[stack]"));
        assert!(process.smaps().unwrap().iter().any(|mapping| mapping.private_dirty_kib > 0));
    }

    #[test]
    fn a_process_that_has_ended_is_never_another_one() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process.stat(), Err(Unread::Ended));
        assert_eq!(process.sizes(), Err(Unread::Ended));
        assert_eq!(process.maps(), Err(Unread::Ended));
    }

    #[test]
    fn one_that_nobody_waited_for_has_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        while process.stat() != Err(Unread::Ended) {
            std::thread::yield_now();
        }
        assert_eq!(process.sizes(), Err(Unread::Ended));
        child.wait().unwrap();
    }
}
