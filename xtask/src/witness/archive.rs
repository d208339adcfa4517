//! Debian's archive, read into a folder of its own: nothing is installed, no setting of this
//! machine's apt is used or changed, and nobody needs to be root.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::failure::{Context, Failure};

/// The mirror, and the release whose packages and sources belong together.
pub(crate) const MIRROR: &str = "http://deb.debian.org/debian";
const RELEASE: &str = "bookworm";

/// Says that a folder was unpacked to its end.
const COMPLETE: &str = ".complete";

/// A folder with packages and sources, kept between two runs.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Opens the folder below cargo's, and reads the list of packages when that was not done yet.
    pub(crate) fn open() -> Result<Self, Failure> {
        let folder = cargo::target().join("witness");
        let archive = Self { folder: std::path::absolute(&folder).context(folder.display().to_string())? };
        let apt = archive.folder.join("apt");
        for part in ["lists/partial", "cache/archives/partial"] {
            make(&apt.join(part))?;
        }
        write(&apt.join("status"), "")?;
        let lines = ["deb", "deb-src"].map(|kind| format!("{kind} {MIRROR} {RELEASE} main\n"));
        write(&apt.join("sources.list"), &lines.concat())?;
        if !apt.join(COMPLETE).exists() {
            cargo::run(archive.apt(&archive.folder).arg("update"))?;
            write(&apt.join(COMPLETE), "")?;
        }
        Ok(archive)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Unpacks packages over each other, and returns the folder that stands for `/`.
    pub(crate) fn packages(&self, into: &str, names: &[&str]) -> Result<PathBuf, Failure> {
        self.unpack(into, |folder| {
            let downloads = folder.join("downloads");
            make(&downloads)?;
            cargo::run(self.apt(&downloads).arg("download").args(names))?;
            for package in files(&downloads, "deb")? {
                cargo::run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder))?;
            }
            std::fs::remove_dir_all(&downloads).context(format!("removing {}", downloads.display()))
        })
    }

    /// Unpacks a source package with Debian's patches, and returns its folder.
    pub(crate) fn source(&self, into: &str, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.unpack(into, |folder| {
            cargo::run(self.apt(folder).args(["source", "--only-source", "--download-only", name]))?;
            for description in files(folder, "dsc")? {
                let mut unpack = Command::new("dpkg-source");
                unpack.args(["--no-check", "--extract"]).arg(description).arg("source");
                cargo::run(unpack.current_dir(folder))?;
            }
            Ok(())
        })?;
        Ok(folder.join("source"))
    }

    /// A folder that `fill` makes, once.
    pub(crate) fn unpack(
        &self,
        into: &str,
        fill: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(into);
        if !folder.join(COMPLETE).exists() {
            if folder.exists() {
                std::fs::remove_dir_all(&folder).context(format!("removing {}", folder.display()))?;
            }
            make(&folder)?;
            fill(&folder)?;
            write(&folder.join(COMPLETE), "")?;
        }
        Ok(folder)
    }

    /// apt with folders of our own.
    fn apt(&self, working: &Path) -> Command {
        let apt = self.folder.join("apt");
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", apt.join("sources.list")),
            ("Dir::Etc::SourceParts", "-".into()),
            ("Dir::State::Lists", apt.join("lists")),
            ("Dir::State::Status", apt.join("status")),
            ("Dir::Cache", apt.join("cache")),
            // As root it would change to a user that may not write here.
            ("APT::Sandbox::User", "root".into()),
        ] {
            let mut setting = std::ffi::OsString::from(option);
            setting.push("=");
            setting.push(value);
            command.arg("-o").arg(setting);
        }
        command.arg("--quiet=2").current_dir(working);
        command
    }
}

/// Copies what is below folders into another one; what comes later replaces what came earlier.
pub(crate) fn overlay(from: &[impl AsRef<OsStr>], into: &Path) -> Result<(), Failure> {
    make(into)?;
    for folder in from {
        let contents = Path::new(folder).join(".");
        cargo::run(Command::new("cp").args(["--archive", "--no-target-directory"]).arg(contents).arg(into))?;
    }
    Ok(())
}

/// Makes a folder and those above it.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).context(format!("making {}", folder.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).context(format!("writing {}", path.display()))
}

/// Files of a folder with an extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let listed = std::fs::read_dir(folder).context(format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> = listed
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}
