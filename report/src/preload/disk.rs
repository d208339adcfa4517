//! The files of this machine, asked when a path alone does not tell a name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What may be asked of a machine's files.
pub trait Disk {
    /// The beginning of a regular file, [`HEAD_BYTES`] at most; `None` when it cannot be read.
    fn head(&self, path: &[u8]) -> Option<Vec<u8>>;

    /// Whether a regular file is there.
    fn is_file(&self, path: &[u8]) -> bool;

    /// Whether a folder is there.
    fn is_folder(&self, path: &[u8]) -> bool;
}

/// Most bytes of a file that are looked at.
pub const HEAD_BYTES: u64 = 4 << 20;

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Disk for Machine {
    fn head(&self, path: &[u8]) -> Option<Vec<u8>> {
        // A traced program chose the path: a pipe there would never end.
        if !self.is_file(path) {
            return None;
        }
        let mut head = Vec::new();
        File::open(OsStr::from_bytes(path)).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        Some(head)
    }

    fn is_file(&self, path: &[u8]) -> bool {
        Path::new(OsStr::from_bytes(path)).is_file()
    }

    fn is_folder(&self, path: &[u8]) -> bool {
        Path::new(OsStr::from_bytes(path)).is_dir()
    }
}
