//! Starts the command as it would have started without alive: same terminal, process group and
//! standard streams, and none of the signals blocked that alive blocked for itself.
//!
//! The standard library's `Command` hands its own signal mask down, so this is `posix_spawn`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

/// Runs what the kernel does not know how to execute, as execvp has it.
const SHELL: &str = "/bin/sh";

/// A command that is ready to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    path: PathBuf,
    words: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
}

impl Launch {
    /// The file at `path`, called by `words` of which the first is its name, in alive's environment.
    pub(crate) fn new(path: PathBuf, words: Vec<OsString>) -> Self {
        Self { path, words, environment: env::vars_os().collect() }
    }

    /// Sets a variable of the command's environment.
    pub(crate) fn env(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.insert(name.into(), value.into());
    }

    /// The file that is executed.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the command with `mask` as its blocked signals. SIGPIPE, which the Rust runtime
    /// ignores in alive, is at its default.
    ///
    /// # Errors
    /// What the kernel says, or [`io::ErrorKind::InvalidInput`] for a word with a zero byte in it.
    pub(crate) fn start(&self, mask: &SigSet) -> io::Result<Pid> {
        let mut attributes = PosixSpawnAttr::init()?;
        attributes
            .set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
        attributes.set_sigmask(mask)?;
        attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
        let actions = PosixSpawnFileActions::init()?;

        let environment = self
            .environment
            .iter()
            .map(|(name, value)| c_string([name.as_os_str(), OsStr::new("="), value.as_os_str()]))
            .collect::<io::Result<Vec<_>>>()?;
        let words = self.words.iter().map(|word| c_string([word.as_os_str()]));
        let words = words.collect::<io::Result<Vec<_>>>()?;
        match posix_spawn(self.path.as_path(), &actions, &attributes, &words, &environment) {
            Err(Errno::ENOEXEC) => {
                let mut by_shell = vec![c_string([OsStr::new(SHELL)])?, c_string([self.path.as_os_str()])?];
                by_shell.extend(words.into_iter().skip(1));
                Ok(posix_spawn(SHELL, &actions, &attributes, &by_shell, &environment)?)
            }
            result => Ok(result?),
        }
    }
}

fn c_string<const N: usize>(parts: [&OsStr; N]) -> io::Result<CString> {
    let mut text = OsString::new();
    for part in parts {
        text.push(part);
    }
    CString::new(text.into_vec()).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::Launch;
    use nix::sys::signal::SigSet;
    use nix::sys::wait::{WaitStatus, waitpid};
    use std::io;

    #[test]
    fn a_word_that_no_program_could_be_given_is_refused() {
        let launch = Launch::new("/bin/true".into(), vec!["true".into(), "a\0b".into()]);
        assert_eq!(launch.start(&SigSet::empty()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn words_and_variables_arrive_as_given() {
        let script = "test \"$1|$ALIVE_TEST_WORD\" = 'a b|c d'";
        let words = ["sh", "-c", script, "sh", "a b"].map(Into::into).to_vec();
        let mut launch = Launch::new("/bin/sh".into(), words);
        launch.env("ALIVE_TEST_WORD", "c d");
        let child = launch.start(&SigSet::empty()).unwrap();
        assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
    }
}
