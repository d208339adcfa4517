//! The tests that come with perl 5.36, a file at a time, run by Debian's perl.
//!
//! They expect the tree they were built in. It is laid out again from the source's tests and the
//! installed library; each file is then started as perl's own `t/TEST` starts it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::archive::{Archive, overlay};
use super::process::{NOBODY, Program};
use super::scene::Scene;
use super::suite::Part;
use super::tap;
use crate::cargo;
use crate::failure::{Context, Failure};

/// The installed perl. Its version must be the source's.
const PERL: &str = "/usr/bin/perl";

/// Folders of the interpreter's own tests. Those of regular expressions and of character tables are
/// left out: they run for minutes, and meet no file or process on the way.
const CORE: &[&str] = &["base", "cmd", "comp", "io", "lib", "mro", "op", "run"];

/// Modules that deal in processes, files, libraries, loading, signals or threads, or are heavy users of them.
const MODULES: &[&str] = &[
    "cpan/Archive-Tar",
    "cpan/AutoLoader",
    "cpan/autodie",
    "cpan/Compress-Raw-Zlib",
    "cpan/DB_File",
    "cpan/Digest-MD5",
    "cpan/Digest-SHA",
    "cpan/Encode",
    "cpan/File-Path",
    "cpan/File-Temp",
    "cpan/Filter-Util-Call",
    "cpan/HTTP-Tiny",
    "cpan/IO-Socket-IP",
    "cpan/IO-Zlib",
    "cpan/IPC-Cmd",
    "cpan/IPC-SysV",
    "cpan/JSON-PP",
    "cpan/libnet",
    "cpan/MIME-Base64",
    "cpan/Module-Load",
    "cpan/Module-Load-Conditional",
    "cpan/Module-Loaded",
    "cpan/Module-Metadata",
    "cpan/parent",
    "cpan/Params-Check",
    "cpan/Scalar-List-Utils",
    "cpan/Socket",
    "cpan/Sys-Syslog",
    "cpan/Test-Harness",
    "cpan/Test-Simple",
    "cpan/Time-Piece",
    "dist/autouse",
    "dist/base",
    "dist/Data-Dumper",
    "dist/Env",
    "dist/Exporter",
    "dist/FindBin",
    "dist/if",
    "dist/IO",
    "dist/lib",
    "dist/Net-Ping",
    "dist/PathTools",
    "dist/Safe",
    "dist/SelfLoader",
    "dist/Storable",
    "dist/Thread-Queue",
    "dist/Thread-Semaphore",
    "dist/threads",
    "dist/threads-shared",
    "dist/Tie-File",
    "dist/Time-HiRes",
    "dist/XSLoader",
    "ext/B",
    "ext/DynaLoader",
    "ext/Errno",
    "ext/Fcntl",
    "ext/FileCache",
    "ext/File-Find",
    "ext/File-Glob",
    "ext/Hash-Util",
    "ext/I18N-Langinfo",
    "ext/IPC-Open3",
    "ext/mro",
    "ext/Opcode",
    "ext/PerlIO-encoding",
    "ext/PerlIO-scalar",
    "ext/PerlIO-via",
    "ext/POSIX",
    "ext/re",
    "ext/SDBM_File",
    "ext/Sys-Hostname",
    "ext/Tie-Memoize",
];

/// Files like those in other folders.
const LEFT_OUT: &[&str] = &["lib/charnames.t", "lib/unicore", "op/lc.t"];

/// Longest time for one file.
const LIMIT: Duration = Duration::from_secs(240);

pub(crate) fn parts(archive: &Archive, scene: &Scene) -> Result<Vec<Part>, Failure> {
    let source = archive.source("perl-source", "perl")?;
    let tree = archive.unpack("perl", |tree| lay_out(&source, tree))?;
    let runner = tree.join("t/TEST");
    let runner = fs::read_to_string(&runner).context(format!("reading {}", runner.display()))?;
    let as_nobody = nix::unistd::geteuid().is_root();
    let mut environment = scene.environment();
    for (name, value) in [
        ("PERL_CORE", "1"),
        ("PERL_DESTRUCT_LEVEL", "2"),
        ("PERL_DL_NONLAZY", "1"),
        ("PERL_HASH_SEED", "0"),
        ("PERL_TEST_TIME_OUT_FACTOR", "10"),
    ] {
        environment.push((name.into(), value.into()));
    }
    let mut parts = Vec::new();
    let cores = CORE.iter().map(|folder| format!("t/{folder}")).chain(["lib".to_owned()]);
    let modules = MODULES.iter().map(|module| format!("{module}/t"));
    for folder in cores.chain(modules) {
        for file in tests_below(&tree, Path::new(&folder)) {
            let name = file.to_string_lossy().into_owned();
            if LEFT_OUT.iter().any(|out| name.contains(out)) {
                continue;
            }
            let switches = taint(&tree.join(&file));
            let (folder, words) = command(&file, &switches, &runner);
            let program = Program {
                words: words.into_iter().map(OsString::from).collect(),
                folder: tree.join(folder),
                environment: environment.clone(),
                as_nobody,
                limit: LIMIT,
            };
            parts.push(Part { name, program, read: |output, _| tap::parse(output) });
        }
    }
    Ok(parts)
}

/// The tree that the tests expect around them.
fn lay_out(source: &Path, tree: &Path) -> Result<(), Failure> {
    let paths = r#"use Config; print "$^V\n", join "\n", $Config{privlibexp}, $Config{archlibexp}, grep /perl-base/, @INC"#;
    let installed = cargo::output(Command::new(PERL).args(["-e", paths]))?;
    let installed = String::from_utf8_lossy(&installed);
    let mut installed = installed.lines();
    let version = installed.next().unwrap_or_default();
    if version != "v5.36.0" {
        let finding = format!("{PERL} is {version}, the tests are v5.36.0's: run this on Debian 12");
        return Err(Failure::Findings(vec![finding]));
    }
    for folder in ["t", "cpan", "dist", "ext", "regen"] {
        overlay(&[source.join(folder)], &tree.join(folder))?;
    }
    // The installed library over the sources': it is the one with the compiled parts.
    let libraries: Vec<PathBuf> =
        std::iter::once(source.join("lib")).chain(installed.map(PathBuf::from)).collect();
    overlay(&libraries, &tree.join("lib"))?;
    for file in ["TestInit.pm", "MANIFEST"] {
        fs::copy(source.join(file), tree.join(file)).context(format!("copying {file}"))?;
    }
    for link in ["perl", "t/perl"] {
        std::os::unix::fs::symlink(PERL, tree.join(link)).context(format!("linking {link}"))?;
    }
    if nix::unistd::geteuid().is_root() {
        let owner = format!("{NOBODY}:{NOBODY}");
        cargo::run(Command::new("chown").args(["--recursive", "--no-dereference", &owner]).arg(tree))?;
    }
    Ok(())
}

/// All `.t` files below a folder of the tree, by name.
fn tests_below(tree: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // Not every module has a folder of tests.
    for entry in fs::read_dir(tree.join(folder)).into_iter().flatten().flatten() {
        let path = folder.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.append(&mut tests_below(tree, &path));
        } else if path.extension().is_some_and(|extension| extension == "t") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `-T` or `-t` when the first line of a file asks for it: perl takes them on its own command line only.
fn taint(file: &Path) -> String {
    let Ok(file) = fs::File::open(file) else { return String::new() };
    let mut line = Vec::new();
    // A file that cannot be read fails as a test, and says so.
    let _ = BufReader::new(file).read_until(b'\n', &mut line);
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split_whitespace();
    if !words.any(|word| word.ends_with("perl")) {
        return String::new();
    }
    words
        .filter_map(|word| word.strip_prefix('-')?.chars().find(|letter| matches!(letter, 'T' | 't')))
        .map(|letter| format!("-{letter}"))
        .next()
        .unwrap_or_default()
}

/// The folder and the command line that `t/TEST` uses for a file. `runner` is its text.
fn command(file: &Path, taint: &str, runner: &str) -> (PathBuf, Vec<String>) {
    let name = file.to_string_lossy();
    let (folder, line) = if let Some(test) = name.strip_prefix("t/") {
        let bare = ["base/", "comp/", "run/"].iter().any(|folder| test.starts_with(folder));
        let switches = if bare { "" } else { "-I.. -MTestInit" };
        ("t", format!("./perl {switches} {taint} {test}"))
    } else if name.starts_with("lib/") {
        ("t", format!("./perl -I.. -MTestInit=U1 {taint} ../{name}"))
    } else {
        let (module, test) = name.split_once("/t/").unwrap_or((&name, ""));
        let absolute = if is_listed(module, "abs", runner) { ",A" } else { "" };
        let no_core = if is_listed(module, "temp_no_core", runner) { ",NC" } else { "" };
        (module, format!("../../t/perl -I../.. -MTestInit=U2T{absolute}{no_core} {taint} t/{test}"))
    };
    (folder.into(), line.split_whitespace().map(String::from).collect())
}

/// Whether one of the tables in `t/TEST` names a module.
fn is_listed(module: &str, table: &str, runner: &str) -> bool {
    let table = runner.split_once(&format!("my %{table} = (")).map_or("", |(_, rest)| rest);
    table.split(");").next().is_some_and(|table| table.contains(&format!("'../{module}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_started_as_perls_own_runner_starts_them() {
        let runner = "my %abs = (\n\t'../cpan/Encode' => 1,\n\t);\nmy %temp_no_core = (\n '../cpan/parent' => 1,\n);\n";
        for (file, taint, folder, line) in [
            ("t/op/fork.t", "", "t", "./perl -I.. -MTestInit op/fork.t"),
            ("t/op/taint.t", "-T", "t", "./perl -I.. -MTestInit -T op/taint.t"),
            ("t/run/exit.t", "", "t", "./perl run/exit.t"),
            ("lib/open.t", "", "t", "./perl -I.. -MTestInit=U1 ../lib/open.t"),
            ("ext/POSIX/t/wrappers.t", "", "ext/POSIX", "../../t/perl -I../.. -MTestInit=U2T t/wrappers.t"),
            ("cpan/Encode/t/at-cn.t", "", "cpan/Encode", "../../t/perl -I../.. -MTestInit=U2T,A t/at-cn.t"),
            (
                "cpan/parent/t/parent.t",
                "",
                "cpan/parent",
                "../../t/perl -I../.. -MTestInit=U2T,NC t/parent.t",
            ),
        ] {
            let (found, words) = command(Path::new(file), taint, runner);
            assert_eq!((found.as_path(), words.join(" ").as_str()), (Path::new(folder), line));
        }
    }
}
