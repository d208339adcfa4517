//! The truth about late loads, from the kernel's side.
//!
//! For every process that was forked and has not executed a program since: the files of code that
//! it opened with success for reading, and the files that it mapped as machine code. A thread
//! belongs to its process. A child that shares its parent's memory (vfork, `posix_spawn`) is not a
//! process of its own yet, and loads nothing before it executes something.
//!
//! Pids are taken to be unique within one log, which holds for runs of seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::events::canonical;
use crate::strace::Call;

/// Late loads by process, with canonical paths.
pub type Truth = BTreeMap<u32, BTreeSet<PathBuf>>;

/// Suffixes of code, without their dot. Written down independently of the shim's own table.
const SUFFIXES: &[&str] = &[
    "so", "pm", "pmc", "pl", "ph", "al", "ix", "bs", "psgi", "py", "pyc", "pyd", "rb", "ru", "gemspec",
    "php", "php3", "php4", "php5", "php7", "php8", "inc", "phtml", "phar", "lua", "luac", "js", "cjs", "mjs",
    "node", "tcl", "tm", "R", "rdb", "scm", "go", "el", "elc", "jar", "bc",
];

/// True for a file name that looks like code: one of [`SUFFIXES`], or a library with a version
/// behind its suffix (`libz.so.1.2.13`).
#[must_use]
pub fn looks_like_code(path: &OsStr) -> bool {
    let name = path.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let parts: Vec<&[u8]> = name.split(|&byte| byte == b'.').collect();
    let Some((suffix, [_, ..])) = parts.split_last() else { return false };
    let versioned = parts
        .windows(2)
        .skip(1)
        .any(|pair| pair[0] == b"so" && pair[1].first().is_some_and(u8::is_ascii_digit));
    versioned || SUFFIXES.iter().any(|known| known.as_bytes() == *suffix)
}

/// Flags of an open that does not read a file as it is.
const NO_READING: [&str; 6] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_DIRECTORY", "O_PATH"];

/// What is known of a thread's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Forked with memory of its own.
    Forked,
    /// A thread of this process.
    ThreadOf(u32),
    /// Runs in its parent's memory until it executes a program.
    Borrowing,
}

/// Reads the truth out of a log.
#[must_use]
pub fn late_loads(calls: &[Call]) -> Truth {
    let mut truth = Truth::new();
    for (pid, call) in calls_of_forked(calls) {
        if let Some(path) = loaded(call) {
            truth.entry(pid).or_default().insert(canonical(&path));
        }
    }
    truth
}

/// The calls of processes that were forked and have not executed a program since.
pub(crate) fn calls_of_forked(calls: &[Call]) -> Vec<(u32, &Call)> {
    let origins = origins(calls);
    let mut executed = BTreeSet::new();
    let mut out = Vec::new();
    for call in calls {
        let pid = process(&origins, call.tid);
        if matches!(call.name.as_str(), "execve" | "execveat") {
            if call.number() == Some(0) {
                executed.insert(pid);
            }
            continue;
        }
        if origins.get(&pid) == Some(&Origin::Forked) && !executed.contains(&pid) {
            out.push((pid, call));
        }
    }
    out
}

/// Who forked each process of a log.
#[must_use]
pub fn forkers(calls: &[Call]) -> BTreeMap<u32, u32> {
    let origins = origins(calls);
    calls
        .iter()
        .filter(|call| matches!(call.name.as_str(), "fork" | "vfork" | "clone" | "clone3"))
        .filter_map(|call| Some((call.number()?, process(&origins, call.tid))))
        .filter(|(child, _)| matches!(origins.get(child), Some(Origin::Forked | Origin::Borrowing)))
        .collect()
}

/// How each thread of the log came to be. A child's first lines may stand before its parent's call
/// has returned, so this is known before anything else is read.
fn origins(calls: &[Call]) -> BTreeMap<u32, Origin> {
    let mut out = BTreeMap::new();
    for call in calls {
        let shares = |flag: &str| call.args.contains(flag);
        let origin = match call.name.as_str() {
            "fork" => Origin::Forked,
            "vfork" => Origin::Borrowing,
            "clone" | "clone3" if shares("CLONE_THREAD") => Origin::ThreadOf(call.tid),
            "clone" | "clone3" if shares("CLONE_VM") => Origin::Borrowing,
            "clone" | "clone3" => Origin::Forked,
            _ => continue,
        };
        if let Some(child) = call.number() {
            out.insert(child, origin);
        }
    }
    out
}

/// The process of a thread.
fn process(origins: &BTreeMap<u32, Origin>, tid: u32) -> u32 {
    let mut pid = tid;
    while let Some(Origin::ThreadOf(creator)) = origins.get(&pid) {
        pid = *creator;
    }
    pid
}

/// The file of code that a call brought in, if it did.
fn loaded(call: &Call) -> Option<PathBuf> {
    match call.name.as_str() {
        "open" | "openat" | "openat2" => {
            let (name, flags) = call.string()?;
            let reads = !NO_READING.iter().any(|flag| flags.contains(flag));
            (reads && looks_like_code(&name)).then(|| call.opened())?
        }
        "mmap" if call.args.contains("PROT_EXEC") && call.result.starts_with("0x") => call.mapped(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strace::calls;

    fn truth(log: &str) -> Vec<(u32, Vec<String>)> {
        late_loads(&calls(log))
            .into_iter()
            .map(|(pid, paths)| (pid, paths.iter().map(|path| path.display().to_string()).collect()))
            .collect()
    }

    #[test]
    fn the_root_is_no_worker_and_its_child_is() {
        let log = "1 1.0 execve(\"/bin/d\", [\"d\"], 0x0 /* 3 vars */) = 0\n\
                   1 1.0 openat(AT_FDCWD</>, \"/none/a.pm\", O_RDONLY) = 3</none/a.pm>\n\
                   1 1.0 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 2\n\
                   2 1.0 openat(AT_FDCWD</>, \"/none/b.pm\", O_RDONLY|O_CLOEXEC) = 3</none/b.pm>\n\
                   2 1.0 openat(AT_FDCWD</>, \"/none/notes.txt\", O_RDONLY) = 4</none/notes.txt>\n\
                   2 1.0 openat(AT_FDCWD</>, \"/none/c.pm\", O_WRONLY|O_CREAT, 0666) = 5</none/c.pm>\n";
        assert_eq!(truth(log), [(2, vec!["/none/b.pm".to_owned()])]);
    }

    #[test]
    fn a_thread_counts_for_its_process_even_before_its_parents_call_returned() {
        let log = "1 1.0 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n\
                   2 1.0 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x0} => {parent_tid=[3]}, 88) = 3\n\
                   3 1.0 open(\"/none/a.rb\", O_RDONLY) = 3</none/a.rb>\n\
                   1 1.0 <... clone resumed>) = 2\n";
        assert_eq!(truth(log), [(2, vec!["/none/a.rb".to_owned()])]);
    }

    #[test]
    fn what_follows_an_exec_is_another_story() {
        let log = "1 1.0 fork() = 2\n\
                   2 1.0 execve(\"/missing\", [], 0x0 /* 0 vars */) = -1 ENOENT (No such file or directory)\n\
                   2 1.0 open(\"/none/a.pm\", O_RDONLY) = 3</none/a.pm>\n\
                   2 1.0 execve(\"/bin/true\", [], 0x0 /* 0 vars */) = 0\n\
                   2 1.0 open(\"/none/b.pm\", O_RDONLY) = 3</none/b.pm>\n\
                   1 1.0 vfork() = 4\n\
                   4 1.0 open(\"/none/c.pm\", O_RDONLY) = 3</none/c.pm>\n\
                   1 1.0 clone(child_stack=0x1, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 5\n\
                   5 1.0 open(\"/none/d.pm\", O_RDONLY) = 3</none/d.pm>\n";
        assert_eq!(truth(log), [(2, vec!["/none/a.pm".to_owned()])]);
    }

    #[test]
    fn machine_code_counts_whatever_its_name() {
        let log = "1 1.0 fork() = 2\n\
                   2 1.0 open(\"/none/plugin\", O_RDONLY) = 3</none/plugin>\n\
                   2 1.0 mmap(NULL, 8, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</none/plugin>, 0) = 0x7f00\n\
                   2 1.0 mmap(NULL, 8, PROT_READ, MAP_PRIVATE, 3</none/data>, 0) = 0x7f10\n";
        assert_eq!(truth(log), [(2, vec!["/none/plugin".to_owned()])]);
    }

    #[test]
    fn suffixes_tell_code_from_the_rest() {
        for code in ["a.pm", "/x/libz.so", "libz.so.1", "libz.so.1.2.13", "m.cpython-311.pyc", "app.psgi"] {
            assert!(looks_like_code(OsStr::new(code)), "{code}");
        }
        for other in ["so", "so.1", "a.so.conf", "v1.2", "notes.txt", "a.pm.bak", "/x.pm/readme", "m.pyc.140"]
        {
            assert!(!looks_like_code(OsStr::new(other)), "{other}");
        }
    }
}
