//! What is under test, found; and the C programs, compiled.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Compilations of this process so far.
static COMPILED: AtomicU32 = AtomicU32::new(0);

/// Compilers of the test programs; `CC` and `CXX` name others.
const CC: &str = "gcc";
const CXX: &str = "g++";

/// What every program and library is compiled with. Debug information would only slow the suite.
const FLAGS: [&str; 6] = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-fno-omit-frame-pointer"];

/// The folder with the release build: `ALIVE_ARTIFACTS`, else `release` in cargo's target folder.
fn release() -> PathBuf {
    std::env::var_os("ALIVE_ARTIFACTS").map_or_else(|| target().join("release"), PathBuf::from)
}

/// Cargo's target folder, found from where this test program itself lies.
fn target() -> PathBuf {
    let myself = std::env::current_exe().expect("/proc/self/exe can be read");
    myself
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists())
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), Path::to_path_buf)
}

/// A file of the release build.
///
/// # Panics
/// When it is not there, with the command that makes it.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let path = release().join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build --release --workspace`, or `cargo xtask test` which does it",
        path.display(),
    );
    path
}

/// The shim.
#[must_use]
pub fn shim() -> PathBuf {
    built("libpostfork.so")
}

/// A file of this crate, by its name below `tests/`.
#[must_use]
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The program of `programs/NAME.c`, or of `NAME.cc`, compiled when its source is newer.
///
/// # Panics
/// When the compiler is missing or refuses the source.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    program_as(name, name, &[])
}

/// The same, compiled with further words and under a name of its own.
///
/// # Panics
/// As [`program`].
#[must_use]
pub fn program_as(name: &str, out: &str, words: &[&str]) -> PathBuf {
    let folder = target().join("programs");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let source_file = source_of(&format!("programs/{name}"));
    let out = folder.join(out);
    let headers = ["steps.h", "transcript.h", "hostile_paths.h", "../../clients/c/alive_tap.h"]
        .map(|name| source(&format!("programs/{name}")));
    if !is_newer(&out, &[&source_file, &headers[0], &headers[1], &headers[2], &headers[3]]) {
        compile(&source_file, &out, words);
    }
    out
}

/// The C source of this name, or the C++ source.
fn source_of(name: &str) -> PathBuf {
    let c = source(&format!("{name}.c"));
    if c.exists() { c } else { c.with_extension("cc") }
}

/// Compiles `programs/lib/NAME.c` to the shared object `out`, with the linker's words in `link`.
///
/// # Panics
/// When the compiler is missing or refuses the source.
pub fn library<S: AsRef<OsStr>>(name: &str, out: &Path, link: &[S]) {
    std::fs::create_dir_all(out.parent().expect("a file lies in a folder")).expect("folder of the library");
    let mut words = vec![OsStr::new("-shared"), OsStr::new("-fPIC")];
    words.extend(link.iter().map(AsRef::as_ref));
    compile(&source_of(&format!("programs/lib/{name}")), out, &words);
}

/// Compiles to a name of its own and renames: tests run side by side, as threads or as processes, and
/// want the same programs.
fn compile<S: AsRef<OsStr>>(source_file: &Path, out: &Path, words: &[S]) {
    let (variable, usual) =
        if source_file.extension() == Some(OsStr::new("cc")) { ("CXX", CXX) } else { ("CC", CC) };
    let cc = std::env::var_os(variable).unwrap_or_else(|| usual.into());
    let number = COMPILED.fetch_add(1, Ordering::Relaxed);
    let partial = out.with_extension(format!("partial-{}-{number}", std::process::id()));
    let done = Command::new(&cc)
        .env_remove("LD_PRELOAD")
        .args(FLAGS)
        .arg(source_file)
        .arg("-o")
        .arg(&partial)
        .args(words)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; install {usual}", cc.display()));
    assert!(
        done.status.success(),
        "{} does not compile:\n{}",
        source_file.display(),
        String::from_utf8_lossy(&done.stderr)
    );
    std::fs::rename(&partial, out).expect("renaming within one folder");
}

/// True when `out` is there and none of its sources is younger.
fn is_newer(out: &Path, sources: &[&Path]) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    let Some(made) = changed(out) else { return false };
    sources.iter().all(|path| changed(path).is_some_and(|when| when <= made))
}
