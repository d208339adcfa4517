//! What the tests need that cargo cannot bring, by Debian's names.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
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

/// `shown_by` may hold one `*` where a package puts its version.
const NEEDED: &[Package] = &[
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
    Package { name: "g++", shown_by: "/usr/bin/g++", for_tests: "transparency: exceptions and destructors" },
    Package { name: "valgrind", shown_by: "/usr/bin/valgrind", for_tests: "transparency: memcheck" },
    Package { name: "curl", shown_by: "/usr/bin/curl", for_tests: "gate: the script of docs/guides/ci.md" },
    Package { name: "strace", shown_by: "/usr/bin/strace", for_tests: "truth, background, trees" },
    Package { name: "gunicorn", shown_by: "/usr/bin/gunicorn", for_tests: "truth, background: gunicorn" },
    Package {
        name: "libprefork-perl",
        shown_by: "/usr/share/perl5/prefork.pm",
        for_tests: "preload: prefork.pm",
    },
    Package {
        name: "python3-gevent",
        shown_by: "/usr/lib/python3/dist-packages/gevent",
        for_tests: "lang: gunicorn with greenlets",
    },
    Package {
        name: "libpython3.11",
        shown_by: "/usr/lib/*/libpython3.11.so.1.0",
        for_tests: "lang: a program that runs Python",
    },
    Package {
        name: "python3-flask",
        shown_by: "/usr/lib/python3/dist-packages/flask",
        for_tests: "truth, background: gunicorn, uwsgi",
    },
    Package { name: "starman", shown_by: "/usr/bin/starman", for_tests: "truth, background: starman" },
    Package { name: "puma", shown_by: "/usr/bin/puma", for_tests: "truth, trees, verdicts: puma" },
    Package {
        name: "ruby-sinatra",
        shown_by: "/usr/share/rubygems-integration/all/specifications/sinatra-*",
        for_tests: "truth, trees, verdicts: puma",
    },
    Package { name: "php-fpm", shown_by: "/usr/sbin/php-fpm*", for_tests: "truth, background: php_fpm" },
    Package { name: "php-cli", shown_by: "/usr/bin/php", for_tests: "lang: php" },
    Package { name: "ruby", shown_by: "/usr/bin/ruby", for_tests: "lang: ruby" },
    Package { name: "nodejs", shown_by: "/usr/bin/node", for_tests: "taps: node" },
    Package {
        name: "ruby-zeitwerk",
        shown_by: "/usr/share/rubygems-integration/all/specifications/zeitwerk-*",
        for_tests: "lang: puma with zeitwerk",
    },
    Package {
        name: "ruby-bootsnap",
        shown_by: "/usr/lib/ruby/vendor_ruby/bootsnap*",
        for_tests: "lang: puma with bootsnap",
    },
    Package { name: "unicorn", shown_by: "/usr/bin/unicorn", for_tests: "lang: unicorn" },
    Package { name: "libfcgi-bin", shown_by: "/usr/bin/cgi-fcgi", for_tests: "truth, background: php_fpm" },
    Package {
        name: "postgresql",
        shown_by: "/usr/lib/postgresql/*/bin/postgres",
        for_tests: "truth: postgres",
    },
    Package {
        name: "util-linux",
        shown_by: "/usr/bin/setpriv",
        for_tests: "truth: postgres; memory: another user",
    },
    Package { name: "spamd", shown_by: "/usr/sbin/spamd", for_tests: "background: spamd" },
    Package { name: "spamc", shown_by: "/usr/bin/spamc", for_tests: "background: spamd" },
    Package { name: "uwsgi-core", shown_by: "/usr/bin/uwsgi-core", for_tests: "background: uwsgi" },
    Package {
        name: "uwsgi-plugin-python3",
        shown_by: "/usr/lib/uwsgi/plugins/python3_plugin.so",
        for_tests: "background: uwsgi",
    },
    Package {
        name: "libanyevent-fork-perl",
        shown_by: "/usr/share/perl5/AnyEvent/Fork.pm",
        for_tests: "trees, verdicts: processes forked from templates",
    },
    Package {
        name: "libapache2-mod-perl2",
        shown_by: "/usr/lib/apache2/modules/mod_perl.so",
        for_tests: "lang: mod_perl",
    },
    Package { name: "systemd", shown_by: "/usr/bin/systemd-analyze", for_tests: "packaging: units" },
    Package {
        name: "chromium-headless-shell",
        shown_by: "/usr/bin/chromium-headless-shell",
        for_tests: "page: the report in a browser",
    },
    Package {
        name: "fonts-dejavu-core",
        shown_by: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        for_tests: "page: letters on the screenshots",
    },
    Package { name: "prometheus", shown_by: "/usr/bin/promtool", for_tests: "figures: promtool" },
    Package { name: "openssh-server", shown_by: "/usr/sbin/sshd", for_tests: "trees: sshd" },
    Package { name: "openssh-client", shown_by: "/usr/bin/ssh-keyscan", for_tests: "trees: sshd" },
];

/// What the witnesses are fetched, unpacked, built and run with, whatever the tests need.
const WITNESS: &[Package] = &[
    Package { name: "dpkg-dev", shown_by: "/usr/bin/dpkg-source", for_tests: "witnesses: sources" },
    Package { name: "gcc", shown_by: "/usr/bin/gcc", for_tests: "witnesses: postgres" },
    Package { name: "libc6-dev", shown_by: "/usr/include/unistd.h", for_tests: "witnesses: postgres" },
    Package { name: "perl", shown_by: "/usr/share/perl/5*/CPAN.pm", for_tests: "witnesses: perl" },
    Package { name: "ruby", shown_by: "/usr/bin/ruby3*", for_tests: "witnesses: ruby" },
];

/// Whether a file is there whose path a pattern with at most one `*` describes.
fn is_there(pattern: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else { return Path::new(pattern).exists() };
    let Some((folder, prefix)) = before.rsplit_once('/') else { return false };
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| {
            name.starts_with(prefix) && Path::new(&format!("{folder}/{name}{behind}")).exists()
        })
    })
}

/// Installs what is missing when this is root on a Debian; says what to install otherwise.
///
/// Tests that miss a daemon skip loudly then, or fail where nothing may be skipped.
pub(crate) fn provide() -> Result<(), Failure> {
    install(NEEDED)
}

/// The same for the witnesses.
pub(crate) fn provide_for_witnesses() -> Result<(), Failure> {
    install(WITNESS)
}

fn install(packages: &[Package]) -> Result<(), Failure> {
    let missing: Vec<&Package> = packages.iter().filter(|package| !is_there(package.shown_by)).collect();
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
    let _quiet = Quiet::keep();
    cargo::run(apt().arg("update"))?;
    cargo::run(apt().args(install).args(names))
}

/// Where Debian asks whether a service may be started when its package is installed.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While this lives no package starts a service: the tests need programs, not daemons that run beside them.
struct Quiet {
    is_ours: bool,
}

impl Quiet {
    fn keep() -> Self {
        let policy = OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY);
        // A machine that has a policy already has its own reasons for it.
        let is_ours = policy.is_ok_and(|mut policy| policy.write_all(b"#!/bin/sh\n# Left by a `cargo xtask test` that was interrupted; may be removed.\nexit 101\n").is_ok());
        Self { is_ours }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_there;

    #[test]
    fn a_star_stands_for_a_version() {
        for there in ["/proc/self", "/proc/sel*", "/proc/sel*/status"] {
            assert!(is_there(there), "{there}");
        }
        for absent in ["/proc/self/no-such-*", "/proc/sel*/no-such", "/no/such/folder/*"] {
            assert!(!is_there(absent), "{absent}");
        }
    }
}
