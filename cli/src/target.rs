//! Whether the preload library can work in a command, seen before it is started.
//!
//! The command is looked up as execvp would, and scripts are followed to their interpreter as the
//! kernel would. A program that cannot be traced is refused in words: under a silent `LD_PRELOAD`
//! its report would be empty, and an empty report looks like a good one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use alive_report::escape;
use nix::unistd::{AccessFlags, access};

use crate::elf::{self, Elf, Platform};
use crate::privilege::{self, Raise};

/// Interpreters of interpreters that the kernel follows before it gives up.
const MAX_INTERPRETERS: usize = 4;

/// Bytes of a script's first line that the kernel reads.
const FIRST_LINE: usize = 256;

/// What execvp searches when there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Runs a file that is neither ELF nor begins with `#!`, as execvp has it.
const SHELL: &str = "/bin/sh";

/// Why a command cannot be run, or not be traced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: no such command: check its spelling and PATH", escape::terminal(.command.as_bytes()))]
    NotFound { command: OsString },
    #[error("{} cannot be executed: {source}: check its permissions (chmod +x)", shown(.path))]
    NotExecutable { path: PathBuf, source: io::Error },
    #[error(
        "{} is statically linked, so no library can be preloaded into it: use a dynamically linked build",
        .program
    )]
    Static { program: Program },
    #[error(
        "{} is a {} program and libpostfork.so is {}: use a program and a library of one architecture (ALIVE_SHIM names another library)",
        .program, .theirs.words(), .ours.words()
    )]
    Foreign { program: Program, theirs: Platform, ours: Platform },
    #[error(
        "{} is linked against musl, and libpostfork.so works with glibc only: use a glibc build of it",
        .program
    )]
    Musl { program: Program },
    #[error(
        "{} is a {} program, for which the dynamic linker ignores LD_PRELOAD: run alive as the user that it becomes, or run a copy without the privilege",
        .program, .raise.words()
    )]
    Privileged { program: Program, raise: Raise },
}

/// A program, and the script that runs by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    path: PathBuf,
    script: Option<PathBuf>,
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(script) = &self.script {
            write!(f, "{} runs by {}, which", shown(script), shown(&self.path))
        } else {
            f.write_str(&shown(&self.path))
        }
    }
}

fn shown(path: &Path) -> String {
    escape::terminal(path.as_os_str().as_bytes())
}

/// Finds `command` and sees that a library of the kind of `shim` can be preloaded into it. What
/// cannot be read is given the benefit of the doubt.
///
/// # Errors
/// [`Error`] says why not, and what to do.
pub(crate) fn check(command: &OsStr, path_variable: Option<&OsStr>, shim: &Elf) -> Result<PathBuf, Error> {
    let search = path_variable.unwrap_or(OsStr::new(DEFAULT_PATH));
    let path = find(command, search)?;
    follow(Program { path: path.clone(), script: None }, search, shim)?;
    Ok(path)
}

/// From a script to the program that will run it, and on to its verdict.
fn follow(mut program: Program, search: &OsStr, shim: &Elf) -> Result<(), Error> {
    for _ in 0..=MAX_INTERPRETERS {
        let Ok(head) = first_line(&program.path) else { return Ok(()) };
        let next = if head.starts_with(b"\x7fELF") {
            return judge(program, shim);
        } else if let Some(line) = head.strip_prefix(b"#!") {
            interpreter(line, search)
        } else {
            Some(PathBuf::from(SHELL))
        };
        let Some(next) = next else { return Ok(()) };
        program = Program { path: next, script: program.script.or(Some(program.path)) };
    }
    Ok(())
}

/// The file that execvp would execute.
fn find(command: &OsStr, search: &OsStr) -> Result<PathBuf, Error> {
    if command.as_bytes().contains(&b'/') {
        let path = PathBuf::from(command);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound { command: command.to_owned() })
            }
            Err(source) => Err(Error::NotExecutable { path, source }),
        };
    }
    if command.is_empty() {
        return Err(Error::NotFound { command: command.to_owned() });
    }
    let mut refused = None;
    // An empty entry is the working directory.
    for folder in search.as_bytes().split(|&byte| byte == b':') {
        let path = Path::new(OsStr::from_bytes(folder)).join(command);
        match executable(&path) {
            Ok(()) => return Ok(path),
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                refused.get_or_insert(Error::NotExecutable { path, source });
            }
            _ => {}
        }
    }
    Err(refused.unwrap_or_else(|| Error::NotFound { command: command.to_owned() }))
}

fn executable(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a folder"));
    }
    access(path, AccessFlags::X_OK).map_err(io::Error::from)
}

/// The first line of a file, as far as the kernel reads it.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(FIRST_LINE);
    File::open(path)?.take(FIRST_LINE as u64).read_to_end(&mut head)?;
    let end = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
    head.truncate(end);
    Ok(head)
}

/// What a `#!` line runs; through `/usr/bin/env`, what that would find.
fn interpreter(line: &[u8], search: &OsStr) -> Option<PathBuf> {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty());
    let path = PathBuf::from(OsString::from_vec(words.next()?.to_vec()));
    if path.file_name() != Some(OsStr::new("env")) {
        return Some(path);
    }
    let command = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='))?;
    find(OsStr::from_bytes(command), search).ok()
}

/// Whether the program, an ELF file, takes the library.
fn judge(program: Program, shim: &Elf) -> Result<(), Error> {
    let Ok(Some(elf)) = elf::read(&program.path) else { return Ok(()) };
    if elf.platform != shim.platform {
        return Err(Error::Foreign { program, theirs: elf.platform, ours: shim.platform });
    }
    match &elf.interpreter {
        // The dynamic linker itself asks for none, and preloads into what it is told to run.
        None if !is_dynamic_linker(&program.path) => return Err(Error::Static { program }),
        Some(linker) if file_name(linker).starts_with(b"ld-musl") => return Err(Error::Musl { program }),
        _ => {}
    }
    match privilege::raised_by(&program.path) {
        Some(raise) => Err(Error::Privileged { program, raise }),
        None => Ok(()),
    }
}

fn is_dynamic_linker(path: &Path) -> bool {
    // Its usual name is a link; the file behind it may be called ld-2.31.so.
    fs::canonicalize(path).is_ok_and(|path| file_name(path.as_os_str().as_bytes()).starts_with(b"ld-"))
        || file_name(path.as_os_str().as_bytes()).starts_with(b"ld-")
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{Error, check, interpreter};
    use std::ffi::OsStr;
    use std::path::Path;

    fn find(line: &str) -> Option<String> {
        let path = interpreter(line.as_bytes(), OsStr::new("/usr/bin:/bin"))?;
        Some(path.file_name()?.to_str()?.to_owned())
    }

    #[test]
    fn a_script_is_followed_through_env() {
        assert_eq!(find("/bin/sh -e").unwrap(), "sh");
        assert_eq!(find(" \t/usr/bin/env sh").unwrap(), "sh");
        assert_eq!(find("/usr/bin/env -S LC_ALL=C sh -e").unwrap(), "sh");
        assert_eq!(find("/usr/bin/env no-such-program-anywhere"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn a_command_that_is_not_there_is_not_found() {
        let shim = crate::elf::read(&std::env::current_exe().unwrap()).unwrap().unwrap();
        let path = Some(OsStr::new("/usr/bin:/bin"));
        for command in ["no-such-program-anywhere", "/no/such/program", ""] {
            let error = check(OsStr::new(command), path, &shim).unwrap_err();
            assert!(matches!(error, Error::NotFound { .. }), "{command}: {error}");
        }
        let folder = check(OsStr::new("/usr"), path, &shim).unwrap_err();
        assert!(matches!(folder, Error::NotExecutable { .. }), "{folder}");
        assert!(check(OsStr::new("sh"), path, &shim).is_ok());
        assert!(check(OsStr::new("sh"), None, &shim).is_ok());
        assert!(check(Path::new("/bin/sh").as_os_str(), path, &shim).is_ok());
    }
}
