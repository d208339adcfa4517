//! The shim that a release can load.
//!
//! Where glibc is older than 2.34, `dlsym` lives in `libdl.so.2`, and a library that was linked
//! here keeps every program from starting. It is linked anew there, against the release's own.

use std::path::{Path, PathBuf};

use super::super::archive::Archive;
use super::chroot::Chroot;
use crate::cargo;
use crate::failure::{Context, Failure};

/// The newest version of glibc's symbols that the shim asks for when it is linked here.
const NEEDED: &[u8] = b"GLIBC_2.34";

/// Where a release keeps its libraries.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// The built shim when the release can load it, else one that is linked against the release.
pub(super) fn loadable(archive: &Archive, chroot: &Chroot) -> Result<PathBuf, Failure> {
    let libc = chroot.folder().join(LIBRARIES).join("libc.so.6");
    let image = std::fs::read(&libc).context(format!("reading {}", libc.display()))?;
    if image.windows(NEEDED.len()).any(|bytes| bytes == NEEDED) {
        return Ok(cargo::built("libpostfork.so"));
    }
    let target = archive.folder().join("linked").join(chroot.release());
    let libraries = archive.unpack(&format!("libraries/{}", chroot.release()), |folder| {
        link(&libc, "libc.so", folder)
            .and_then(|()| link(&libc.with_file_name("libdl.so.2"), "libdl.so", folder))
    })?;
    let mut build = cargo::cargo(&["rustc", "--release", "--package", "postfork", "--target-dir"]);
    build
        .arg(&target)
        .args(["--crate-type", "cdylib", "--", "-L"])
        .arg(libraries)
        .args(["-C", "link-arg=-ldl"]);
    cargo::run(&mut build)?;
    Ok(target.join("release/libpostfork.so"))
}

fn link(library: &Path, name: &str, folder: &Path) -> Result<(), Failure> {
    std::os::unix::fs::symlink(library, folder.join(name)).context(format!("linking {}", library.display()))
}
