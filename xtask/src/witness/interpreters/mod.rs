//! Who asked for a module, by the shim's word and by the interpreter's own, in other Debian releases.
//!
//! In a tree of each release that `chroot` makes, a script per language (`xtask/interpreters/`)
//! forks, loads modules in the child, and prints what the interpreter itself says of who asked.
//! `compare` holds the shim's events against that.

mod chroot;
mod compare;
mod shim;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use self::chroot::Chroot;
use self::compare::{Agreement, Asked};
use super::archive::{Archive, make, overlay};
use super::collector::Collector;
use super::process::{Ending, Program};
use crate::cargo;
use crate::failure::{Context, Failure};

/// Releases whose interpreters differ from each other's.
const RELEASES: &[&str] = &["bullseye", "bookworm", "trixie", "sid"];

/// Longest time for one script.
const LIMIT: Duration = Duration::from_secs(60);

/// An interpreter and the script that is written for it.
#[derive(Clone, Copy, Debug)]
struct Language {
    name: &'static str,
    program: &'static str,
    script: &'static str,
}

const LANGUAGES: &[Language] = &[
    Language { name: "Perl", program: "/usr/bin/perl", script: "perl/main.pl" },
    Language { name: "Python", program: "/usr/bin/python3", script: "python/main.py" },
    Language { name: "Ruby", program: "/usr/bin/ruby", script: "ruby/main.rb" },
    Language { name: "PHP", program: "/usr/bin/php", script: "php/main.php" },
];

/// Where scripts and the shim lie in a tree.
const PLACE: &str = "witness";

/// Runs every language's script in every release, prints a table, and fails where the two disagree.
pub(super) fn run(releases: &[String], archive: &Archive) -> Result<(), Failure> {
    if !nix::unistd::geteuid().is_root() {
        let finding = "other releases are made by debootstrap and entered by chroot: run this as root";
        return Err(Failure::Findings(vec![finding.to_owned()]));
    }
    let all: Vec<String> = RELEASES.iter().map(|release| (*release).to_owned()).collect();
    let releases = if releases.is_empty() { &all } else { releases };
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    for release in releases {
        let chroot = Chroot::open(archive, release)?;
        let shim = shim::loadable(archive, &chroot)?;
        overlay(&[cargo::root().join("xtask/interpreters")], &chroot.folder().join(PLACE))?;
        let place = chroot.folder().join(PLACE).join("libpostfork.so");
        std::fs::copy(&shim, &place).context(format!("copying {}", shim.display()))?;
        for language in LANGUAGES {
            let row = play(&chroot, *language, archive.folder())?;
            findings.extend(row.findings());
            println!("{row}");
            rows.push(row);
        }
    }
    println!(
        "\n| release | interpreter | modules | reported | with a line of the language | with the interpreter's own |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    for row in &rows {
        println!("{row}");
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Findings(findings)) }
}

/// Runs one script under the shim with a collector of its own.
fn play(chroot: &Chroot, language: Language, archive: &Path) -> Result<Row, Failure> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let collector = Collector::start(folder.path())?;
    let logs = archive.join("logs");
    make(&logs)?;
    let log = logs.join(format!("{}-{}.txt", chroot.release(), language.name));
    let mut inside: Vec<OsString> =
        ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"].map(OsString::from).to_vec();
    // The file that is opened shall be the one that the interpreter names, at the second run, too.
    inside.push("PYTHONDONTWRITEBYTECODE=1".into());
    inside.push(format!("ALIVE_ADDR={}", collector.address()).into());
    inside.push(format!("LD_PRELOAD=/{PLACE}/libpostfork.so").into());
    inside.extend([language.program.into(), format!("/{PLACE}/{}", language.script).into()]);
    let program = Program {
        words: chroot.command(&inside),
        folder: folder.path().to_owned(),
        environment: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())],
        as_nobody: false,
        limit: LIMIT,
    };
    let (_, ending) = program.run(&log, Some(collector.pid())).context(language.program)?;
    let events = collector.stop()?;
    let said = std::fs::read(&log).context(format!("reading {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    let events = std::fs::read_to_string(&events).context(format!("reading {}", events.display()))?;
    let asked = Asked::all(&said);
    Ok(Row {
        release: chroot.release().to_owned(),
        language,
        version: compare::version(&said).unwrap_or("of unknown version").to_owned(),
        ending,
        agreement: Agreement::of(&asked, &events),
    })
}

/// One interpreter of one release.
#[derive(Debug)]
struct Row {
    release: String,
    language: Language,
    version: String,
    ending: Ending,
    agreement: Agreement,
}

impl Row {
    fn findings(&self) -> Vec<String> {
        let Self { release, language, version, ending, agreement } = self;
        let who = format!("{release}: {} {version}", language.name);
        if !ending.is_success() || agreement.modules == 0 {
            let log = format!("{release}-{}.txt", language.name);
            return vec![format!(
                "{who}: {ending}, {} modules loaded; see {log} in the logs",
                agreement.modules
            )];
        }
        agreement.disagreements.iter().map(|line| format!("{who}: {line}")).collect()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, language, version, agreement, .. } = self;
        let Agreement { modules, reported, answered, agreed, .. } = agreement;
        write!(
            f,
            "| {release} | {} {version} | {modules} | {reported} | {answered} | {agreed} |",
            language.name
        )
    }
}
