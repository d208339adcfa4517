//! A small tree of another Debian release, and how to run something in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::archive::{Archive, MIRROR};
use crate::cargo;
use crate::failure::Failure;

/// The interpreters, with the little that the release calls required.
const PACKAGES: &str = "--include=python3,perl,ruby,php-cli";

/// A release's tree.
#[derive(Debug)]
pub(super) struct Chroot {
    release: String,
    folder: PathBuf,
}

impl Chroot {
    /// Makes the tree with debootstrap, or takes the one that is there.
    pub(super) fn open(archive: &Archive, release: &str) -> Result<Self, Failure> {
        let tools = archive.packages("debootstrap", &["debootstrap"])?;
        let folder = archive.unpack(&format!("releases/{release}"), |folder| {
            let mut make = Command::new(tools.join("usr/sbin/debootstrap"));
            make.env("DEBOOTSTRAP_DIR", tools.join("usr/share/debootstrap"));
            make.args(["--variant=minbase", PACKAGES, release]).arg(folder).arg(MIRROR);
            cargo::run(&mut make)
        })?;
        Ok(Self { release: release.to_owned(), folder })
    }

    pub(super) fn release(&self) -> &str {
        &self.release
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command line that runs another one in the tree, with `/proc`, which is mounted for that one alone.
    pub(super) fn command(&self, inside: &[OsString]) -> Vec<OsString> {
        let enter = r#"mount --bind /proc "$0/proc" && exec chroot "$0" "$@""#;
        let mut words: Vec<OsString> = ["unshare", "--mount", "sh", "-c", enter].map(OsString::from).to_vec();
        words.push(self.folder.clone().into());
        words.extend_from_slice(inside);
        words
    }
}
