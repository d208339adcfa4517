//! What a test needs of the machine. Nothing passes silently for want of a daemon.

use std::path::{Path, PathBuf};

/// True when every one of `programs` is there; else the test is skipped, loudly, or fails.
///
/// `package` is what Debian calls the package that brings them.
///
/// # Panics
/// When one is missing and `CI=true` or `ALIVE_TEST_ALL=1` says that nothing may be skipped.
#[must_use]
pub fn installed(package: &str, programs: &[&str]) -> bool {
    let Some(missing) = programs.iter().find(|program| !Path::new(program).exists()) else { return true };
    skip(&format!("{missing} is not installed: apt-get install --no-install-recommends {package}"))
}

/// The file that a pattern with one `*` names, the last in order when there are several: packages put
/// their version there. None: the test is skipped, as for [`installed`].
///
/// # Panics
/// As [`installed`].
#[must_use]
pub fn versioned(package: &str, pattern: &str) -> Option<PathBuf> {
    let (before, behind) = pattern.split_once('*').expect("a pattern has a star");
    let (folder, prefix) = before.rsplit_once('/').expect("a pattern is an absolute path");
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let found = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .map(|name| PathBuf::from(format!("{folder}/{name}{behind}")))
        .filter(|path| path.exists())
        .max();
    if found.is_none() {
        let _ = installed(package, &[pattern]);
    }
    found
}

/// True when this process is root; else as [`installed`].
///
/// # Panics
/// As [`installed`].
#[must_use]
pub fn root() -> bool {
    nix::unistd::geteuid().is_root() || skip("this test changes its root directory and user: run it as root")
}

/// Says why a test is skipped, where it may be.
fn skip(why: &str) -> bool {
    let is = |name: &str, value: &str| std::env::var_os(name).is_some_and(|set| set == value);
    assert!(!is("CI", "true") && !is("ALIVE_TEST_ALL", "1"), "{why}");
    eprintln!("SKIPPED: {why}");
    false
}
