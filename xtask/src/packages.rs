//! What the tests need that cargo cannot bring, by Debian's names.

use std::path::Path;
use std::process::Command;

use crate::cargo;
use crate::failure::Failure;

/// A package, a file that shows it is there, and the tests that cannot do without.
struct Package {
    name: &'static str,
    shown_by: &'static str,
    for_tests: &'static str,
}

const NEEDED: [Package; 7] = [
    Package { name: "gcc", shown_by: "/usr/bin/gcc", for_tests: "all programs in tests/programs" },
    Package {
        name: "libc6-dev",
        shown_by: "/usr/include/unistd.h",
        for_tests: "all programs in tests/programs",
    },
    Package {
        name: "binutils",
        shown_by: "/usr/bin/nm",
        for_tests: "transparency: exports and needed libraries",
    },
    Package { name: "strace", shown_by: "/usr/bin/strace", for_tests: "truth" },
    Package { name: "gunicorn", shown_by: "/usr/bin/gunicorn", for_tests: "truth: gunicorn_with_flask" },
    Package {
        name: "python3-flask",
        shown_by: "/usr/lib/python3/dist-packages/flask",
        for_tests: "truth: gunicorn_with_flask",
    },
    Package { name: "starman", shown_by: "/usr/bin/starman", for_tests: "truth: starman" },
];

/// Installs what is missing when this is root on a Debian; says what to install otherwise.
///
/// Tests that miss a daemon skip loudly then, or fail where nothing may be skipped.
pub(crate) fn provide() -> Result<(), Failure> {
    let missing: Vec<&Package> =
        NEEDED.iter().filter(|package| !Path::new(package.shown_by).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("xtask: {} is missing, needed for {}", package.name, package.for_tests);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let install = ["install", "--yes", "--no-install-recommends"];
    if !nix::unistd::geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        eprintln!("xtask: to run those tests: sudo apt-get {} {}", install.join(" "), names.join(" "));
        return Ok(());
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    cargo::run(apt().arg("update"))?;
    cargo::run(apt().args(install).args(names))
}
