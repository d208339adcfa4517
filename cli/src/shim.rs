//! Where the preload library is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use alive_report::escape;

use crate::elf::{self, Elf};

/// The library's file name.
const FILE_NAME: &str = "libpostfork.so";

/// Names the library itself, before any folder is searched.
const VARIABLE: &str = "ALIVE_SHIM";

/// Folders to search, from the one that this program's executable is in.
const FOLDERS: [&str; 3] = ["", "../lib", "../lib/alive"];

/// The preload library, fit to be preloaded.
#[derive(Debug)]
pub(crate) struct Shim {
    /// Absolute, and free of bytes that `LD_PRELOAD` cannot hold.
    pub(crate) path: PathBuf,
    /// What a program must be to load it.
    pub(crate) elf: Elf,
}

/// Why there is no usable library.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "libpostfork.so was not found; looked at {}: put it at one of these places, or name it with {VARIABLE}=/path/to/libpostfork.so",
        list(.looked_at)
    )]
    NotFound { looked_at: Vec<PathBuf> },
    #[error("{VARIABLE} names {}, which cannot be read: {source}: correct it, or unset it to have the library searched", shown(.path))]
    Named { path: PathBuf, source: std::io::Error },
    #[error("{} is no shared library: rebuild it, or name another one with {VARIABLE}", shown(.path))]
    NoLibrary { path: PathBuf },
    #[error(
        "LD_PRELOAD cannot hold {:?}, which is in the path {}: copy or link the library to a path without it and name that with {VARIABLE}",
        char::from(*.byte),
        shown(.path)
    )]
    Unpreloadable { path: PathBuf, byte: u8 },
}

fn shown(path: &Path) -> String {
    escape::terminal(path.as_os_str().as_bytes())
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ")
}

/// Finds the library by `ALIVE_SHIM`, else beside this program, else in `../lib` or `../lib/alive`.
///
/// # Errors
/// [`Error`], with every place that was looked at.
pub(crate) fn find() -> Result<Shim, Error> {
    let executable = env::current_exe().ok();
    let folder = executable.as_deref().and_then(Path::parent);
    find_from(env::var_os(VARIABLE).filter(|name| !name.is_empty()), folder)
}

fn find_from(named: Option<OsString>, folder: Option<&Path>) -> Result<Shim, Error> {
    if let Some(named) = named {
        let path = PathBuf::from(named);
        return match fs::canonicalize(&path).and_then(|absolute| Ok((elf::read(&absolute)?, absolute))) {
            Ok((elf, _)) => fit(std::path::absolute(&path).unwrap_or(path), elf),
            Err(source) => Err(Error::Named { path, source }),
        };
    }
    let looked_at: Vec<PathBuf> = folder
        .into_iter()
        .flat_map(|folder| FOLDERS.map(|below| folder.join(below).join(FILE_NAME)))
        .collect();
    for candidate in &looked_at {
        if let Ok(elf) = elf::read(candidate) {
            return fit(fs::canonicalize(candidate).unwrap_or_else(|_| candidate.clone()), elf);
        }
    }
    Err(Error::NotFound { looked_at })
}

/// A library that the dynamic linker will find by this very path.
fn fit(path: PathBuf, elf: Option<Elf>) -> Result<Shim, Error> {
    let Some(elf) = elf.filter(|elf| elf.dynamic && elf.interpreter.is_none()) else {
        return Err(Error::NoLibrary { path });
    };
    // Spaces and colons separate entries, and a dollar begins a token such as $ORIGIN.
    let separator = path.as_os_str().as_bytes().iter().find(|byte| b" :$".contains(byte));
    match separator {
        Some(&byte) => Err(Error::Unpreloadable { path, byte }),
        None => Ok(Shim { path, elf }),
    }
}

impl Shim {
    /// The value for `LD_PRELOAD`: this library in front of what is there.
    pub(crate) fn preload(&self, existing: Option<&OsStr>) -> OsString {
        let mut value = self.path.clone().into_os_string();
        if let Some(existing) = existing.filter(|existing| !existing.is_empty()) {
            value.push(":");
            value.push(existing);
        }
        value
    }

    /// The first of the library and the folders above it that other users cannot read or enter. A
    /// daemon that changes its user and then executes a program would run that one untraced.
    pub(crate) fn closed_to_others(&self) -> Option<&Path> {
        let mode = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode(&self.path) & 0o004 == 0 {
            return Some(&self.path);
        }
        self.path.ancestors().skip(1).find(|folder| mode(folder) & 0o001 == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, FILE_NAME, Shim, find_from};
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    /// Any shared library serves where only its headers are looked at.
    fn library() -> PathBuf {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps.lines().filter_map(|line| line.split_ascii_whitespace().nth(5));
        path.filter(|path| path.contains("/libgcc_s.so")).map(PathBuf::from).next().unwrap()
    }

    #[test]
    fn every_place_that_was_looked_at_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let Err(error @ Error::NotFound { .. }) = find_from(None, Some(folder.path())) else { panic!() };
        let message = error.to_string();
        for place in
            ["libpostfork.so,", "../lib/libpostfork.so", "../lib/alive/libpostfork.so", "ALIVE_SHIM="]
        {
            assert!(message.contains(place), "{message}");
        }
    }

    #[test]
    fn it_is_found_beside_the_program_and_in_lib() {
        for below in ["bin", "lib", "lib/alive"] {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join("bin")).unwrap();
            fs::create_dir_all(root.path().join(below)).unwrap();
            let place = root.path().join(below).join(FILE_NAME);
            fs::copy(library(), &place).unwrap();
            let found = find_from(None, Some(&root.path().join("bin"))).unwrap();
            assert_eq!(found.path, fs::canonicalize(place).unwrap());
        }
    }

    #[test]
    fn a_path_that_ld_preload_would_split_is_refused_in_words() {
        for name in ["with space", "with:colon", "with$ORIGIN"] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::copy(library(), folder.join(FILE_NAME)).unwrap();
            let error = find_from(None, Some(&folder)).unwrap_err();
            assert!(matches!(error, Error::Unpreloadable { .. }), "{error}");
        }
    }

    #[test]
    fn a_wrong_alive_shim_is_not_passed_over() {
        let missing = find_from(Some("/nowhere/libpostfork.so".into()), None).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/libpostfork.so"), "{missing}");
        let text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(matches!(find_from(Some(text.into()), None), Err(Error::NoLibrary { .. })));
    }

    #[test]
    fn what_was_preloaded_before_stays() {
        let elf = crate::elf::read(&library()).unwrap().unwrap();
        let shim = Shim { path: PathBuf::from("/l/libpostfork.so"), elf };
        assert_eq!(shim.preload(None), "/l/libpostfork.so");
        assert_eq!(shim.preload(Some(OsStr::new(""))), "/l/libpostfork.so");
        assert_eq!(shim.preload(Some(OsStr::new("a.so b.so"))), "/l/libpostfork.so:a.so b.so");
    }

    #[test]
    fn a_folder_closed_to_others_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("closed");
        fs::create_dir(&folder).unwrap();
        fs::copy(library(), folder.join(FILE_NAME)).unwrap();
        let open = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        open(root.path(), 0o755);
        open(&folder, 0o700);
        let shim = find_from(None, Some(&folder)).unwrap();
        assert_eq!(shim.closed_to_others(), Some(&*fs::canonicalize(&folder).unwrap()));
        open(&folder, 0o755);
        open(&folder.join(FILE_NAME), 0o600);
        assert_eq!(shim.closed_to_others(), Some(&*shim.path));
    }
}
