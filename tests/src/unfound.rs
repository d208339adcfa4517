//! The truth about searches, from the kernel's side: which names a forked process looked for and
//! never found.
//!
//! All failing probes for files of one stem (`Optional` of `/a/Acme/Optional.pm`) are one search, and
//! its name is what their paths share at their end. It was found when any file of that name was
//! there for the same process, or when a library of that name was mapped anywhere in the run. What
//! was looked for in one place alone may be found elsewhere: its stem is enough then (an autoloader
//! tries one folder, and the next one has it). What the dynamic linker looks for itself, and what
//! interpreters look for beside every name, is none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::oracle::{calls_of_forked, looks_like_code};
use crate::strace::Call;

/// Names that each process never found.
pub type Unfound = BTreeMap<u32, BTreeSet<PathBuf>>;

/// How an interpreter or the program itself looks for a file.
const PROBES: [&str; 10] = [
    "open",
    "openat",
    "openat2",
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
];

/// Flags by which the dynamic linker's own opens are known, where the file is a library.
const LINKERS_FLAGS: &str = ", O_RDONLY|O_CLOEXEC";

/// Reads them out of a log.
#[must_use]
pub fn names(calls: &[Call]) -> Unfound {
    let mapped: Vec<PathBuf> = calls
        .iter()
        .filter(|call| call.name == "mmap" && call.args.contains("PROT_EXEC"))
        .filter_map(|call| Some(without_suffix(&call.mapped()?)))
        .collect();
    let mut searches = BTreeMap::<(u32, PathBuf), PathBuf>::new();
    let mut found = BTreeMap::<u32, BTreeSet<PathBuf>>::new();
    for (pid, call) in calls_of_forked(calls) {
        let Some((path, failed)) = probe(call) else { continue };
        let path = without_suffix(&path);
        if failed {
            let stem = path.file_name().map(PathBuf::from).unwrap_or_default();
            let name = searches.entry((pid, stem)).or_insert_with(|| path.clone());
            *name = shared_end(name, &path);
        } else {
            found.entry(pid).or_default().insert(path);
        }
    }
    let mut out = Unfound::new();
    for ((pid, stem), name) in searches {
        let end = if name.is_absolute() { &stem } else { &name };
        let there = found.get(&pid).into_iter().flatten().chain(&mapped).any(|path| path.ends_with(end));
        if !there {
            out.entry(pid).or_default().insert(name);
        }
    }
    out
}

/// The file of code that a call looked for, and whether it was not there.
fn probe(call: &Call) -> Option<(PathBuf, bool)> {
    if !PROBES.contains(&call.name.as_str()) {
        return None;
    }
    let (path, rest) = call.string()?;
    if !looks_like_code(&path) || is_noise(Path::new(&path)) {
        return None;
    }
    let is_library = path.as_bytes().windows(3).any(|part| part == b".so");
    if call.name == "openat" && is_library && rest == LINKERS_FLAGS {
        return None;
    }
    let failed = call.result.starts_with("-1 ENOENT") || call.result.starts_with("-1 ENOTDIR");
    (failed || !call.result.starts_with('-')).then(|| (path.into(), failed))
}

/// Looked for beside every name, found or not.
fn is_noise(path: &Path) -> bool {
    let suffix = path.extension().map(OsStrExt::as_bytes);
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    matches!(suffix, Some(b"pmc" | b"bs")) || name.starts_with(b"__init__.")
}

/// A path up to the first dot of its file name that begins a suffix of code; Python's compiled file
/// stands for its source.
fn without_suffix(path: &Path) -> PathBuf {
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    let at = |suffix: &[u8]| name.windows(suffix.len()).position(|part| part == suffix);
    let last_dot = || name.iter().rposition(|&byte| byte == b'.');
    let end = at(b".cpython-").or_else(|| at(b".so")).or_else(last_dot).unwrap_or(name.len());
    let name = OsStr::from_bytes(name.get(..end).unwrap_or_default());
    match path.parent() {
        Some(folder) if folder.ends_with("__pycache__") => folder.with_file_name(name),
        _ => path.with_file_name(name),
    }
}

/// The whole components that two paths share at their end.
fn shared_end(one: &Path, other: &Path) -> PathBuf {
    if one == other {
        return one.to_owned();
    }
    let ends = one.components().rev().zip(other.components().rev());
    let shared: Vec<_> = ends.take_while(|(one, other)| one == other).map(|(one, _)| one).collect();
    shared.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strace::calls;

    fn of(log: &str) -> Vec<(u32, Vec<String>)> {
        let lines: String = log.lines().map(|line| format!("2 1.0 {line}\n")).collect();
        names(&calls(&format!("1 1.0 fork() = 2\n{lines}")))
            .into_iter()
            .map(|(pid, names)| (pid, names.iter().map(|name| name.display().to_string()).collect()))
            .collect()
    }

    #[test]
    fn a_name_in_no_folder_is_what_its_probes_share() {
        let log = "newfstatat(AT_FDCWD</>, \"/a/Acme/No.pm\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n\
                   newfstatat(AT_FDCWD</>, \"/a/Acme/No.pmc\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n\
                   newfstatat(AT_FDCWD</>, \"/b/Acme/No.pm\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n";
        assert_eq!(of(log), [(2, vec!["Acme/No".to_owned()])]);
    }

    #[test]
    fn a_name_that_was_found_somewhere_is_none() {
        let log = "openat(AT_FDCWD</>, \"/a/set.rb\", O_RDONLY|O_NONBLOCK) = -1 ENOENT (No such file or directory)\n\
                   openat(AT_FDCWD</>, \"/b/set.rb\", O_RDONLY|O_NONBLOCK) = 3</b/set.rb>\n\
                   openat(AT_FDCWD</>, \"/a/zlib.rb\", O_RDONLY|O_NONBLOCK) = -1 ENOENT (No such file or directory)\n\
                   mmap(NULL, 8, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</x/zlib.so>, 0) = 0x7f00\n";
        assert_eq!(of(log), []);
    }

    #[test]
    fn a_compiled_file_that_is_not_there_is_no_search_when_its_source_is() {
        let log = "openat(AT_FDCWD</>, \"/a/__pycache__/app.cpython-311.pyc\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
                   openat(AT_FDCWD</>, \"/a/app.py\", O_RDONLY|O_CLOEXEC) = 3</a/app.py>\n";
        assert_eq!(of(log), []);
    }

    #[test]
    fn the_second_folder_of_an_autoloader_has_it() {
        let log = "newfstatat(AT_FDCWD</>, \"/first/App/Thing.php\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n\
                   newfstatat(AT_FDCWD</>, \"/second/App/Thing.php\", 0x7f, 0) = 0\n\
                   newfstatat(AT_FDCWD</>, \"/first/App/No.php\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n\
                   newfstatat(AT_FDCWD</>, \"/second/App/No.php\", 0x7f, 0) = -1 ENOENT (No such file or directory)\n";
        assert_eq!(of(log), [(2, vec!["App/No".to_owned()])]);
    }

    #[test]
    fn what_the_linker_looks_for_is_none_and_another_failure_neither() {
        let log = "openat(AT_FDCWD</>, \"/a/libx.so.1\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)\n\
                   openat(AT_FDCWD</>, \"/a/y.rb\", O_RDONLY) = -1 EACCES (Permission denied)\n";
        assert_eq!(of(log), []);
    }
}
