//! Whether the kernel will raise a program's privilege, and the dynamic linker so ignore our
//! `LD_PRELOAD` (`AT_SECURE`).
//!
//! The kernel does when a setuid or setgid bit changes the effective id away from the caller's
//! real one, or when file capabilities add to what the caller has. The bits have no effect on a
//! file system mounted nosuid, nor after `PR_SET_NO_NEW_PRIVS`, nor for root running root's program.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::prctl;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{getgid, getuid};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
/// A setgid bit without this one means mandatory locking, not another group.
const GROUP_EXECUTE: u32 = 0o0010;

/// What raises a program's privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raise {
    Setuid,
    Setgid,
    Capabilities,
}

impl Raise {
    /// `setuid`, as in "is a setuid program".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Setuid => "setuid",
            Self::Setgid => "setgid",
            Self::Capabilities => "file-capability",
        }
    }
}

/// What would raise the privilege of the program at `path` when this process executes it.
pub(crate) fn raised_by(path: &Path) -> Option<Raise> {
    let metadata = fs::metadata(path).ok()?;
    let mode = metadata.mode();
    let raise = if mode & SETUID != 0 && metadata.uid() != getuid().as_raw() {
        Raise::Setuid
    } else if mode & (SETGID | GROUP_EXECUTE) == SETGID | GROUP_EXECUTE && metadata.gid() != getgid().as_raw()
    {
        Raise::Setgid
    } else if !getuid().is_root() && has_capabilities(path) {
        Raise::Capabilities
    } else {
        return None;
    };
    let ignored = prctl::get_no_new_privs().unwrap_or(false)
        || statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOSUID));
    (!ignored).then_some(raise)
}

fn has_capabilities(path: &Path) -> bool {
    matches!(xattr::get_deref(path, "security.capability"), Ok(Some(value)) if !value.is_empty())
}
