//! Python 3.11's `test` package, a module at a time, in Debian's interpreter of the same build.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::archive::Archive;
use super::outcome::{Outcome, Outcomes, add};
use super::process::Program;
use super::scene::Scene;
use super::suite::Part;
use crate::failure::{Context, Failure};

/// Unpacked over each other they are an interpreter that finds its library beside itself.
const PACKAGES: &[&str] = &[
    "python3.11",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libpython3.11-testsuite",
];

/// Modules about processes, threads, files, imports and the interpreter's own start and end. `test_capi`
/// is not among them: Debian leaves it out.
const MODULES: &[&str] = &[
    "test_asyncio.test_subprocess",
    "test_asyncio.test_unix_events",
    "test_atexit",
    "test_audit",
    "test_cmd_line",
    "test_cmd_line_script",
    "test_compileall",
    "test_concurrent_futures",
    "test_ctypes",
    "test_dbm_dumb",
    "test_embed",
    "test_faulthandler",
    "test_fcntl",
    "test_file",
    "test_fileio",
    "test_fork1",
    "test_gc",
    "test_getpass",
    "test_import",
    "test_importlib",
    "test_io",
    "test_mmap",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_openpty",
    "test_os",
    "test_pathlib",
    "test_pkg",
    "test_pkgutil",
    "test_poll",
    "test_popen",
    "test_posix",
    "test_pty",
    "test_py_compile",
    "test_resource",
    "test_runpy",
    "test_selectors",
    "test_shutil",
    "test_signal",
    "test_site",
    "test_socket",
    "test_socketserver",
    "test_sqlite3",
    "test_ssl",
    "test_subprocess",
    "test_sys",
    "test_sysconfig",
    "test_tempfile",
    "test_threadedtempfile",
    "test_threading",
    "test_threadsignals",
    "test_tracemalloc",
    "test_venv",
    "test_wait3",
    "test_wait4",
    "test_zipimport",
    "test__xxsubinterpreters",
];

/// Modules in which root is spared something, so that they are run as an ordinary user, too.
const AS_NOBODY: &[&str] = &[
    "test_fork1",
    "test_import",
    "test_os",
    "test_posix",
    "test_resource",
    "test_shutil",
    "test_signal",
    "test_subprocess",
];

/// Seconds after which the runner ends itself and tells where every thread stood.
const TIMEOUT: u64 = 240;

/// What it is given to do so.
const GRACE: u64 = 30;

/// The file in the working folder that the results are written to.
const RESULTS: &str = "results";

pub(crate) fn parts(archive: &Archive, scene: &Scene) -> Result<Vec<Part>, Failure> {
    let root = archive.packages("cpython", PACKAGES)?;
    let runner = root.join("results.py");
    std::fs::write(&runner, include_str!("cpython_results.py"))
        .context(format!("writing {}", runner.display()))?;
    let part = |module: &str, as_nobody: bool| {
        let mut words: Vec<OsString> = vec![root.join("usr/bin/python3.11").into(), runner.clone().into()];
        words.push(scene.work().join(RESULTS).into());
        words.extend(["-v", "--fail-env-changed", "--timeout"].map(OsString::from));
        words.extend([TIMEOUT.to_string().into(), module.into()]);
        let mut environment = scene.environment();
        environment.push(("PYTHONHASHSEED".into(), "0".into()));
        Part {
            name: if as_nobody { format!("{module} as nobody") } else { module.to_owned() },
            program: Program {
                words,
                folder: scene.work(),
                environment,
                as_nobody,
                limit: Duration::from_secs(TIMEOUT + GRACE),
            },
            read,
        }
    };
    let mut parts: Vec<Part> = MODULES.iter().map(|module| part(module, false)).collect();
    if nix::unistd::geteuid().is_root() {
        parts.extend(AS_NOBODY.iter().map(|module| part(module, true)));
    }
    Ok(parts)
}

fn read(_output: &str, work: &Path) -> Outcomes {
    // A module that is skipped as a whole, or crashes at once, writes none.
    let results = std::fs::read(work.join(RESULTS)).unwrap_or_default();
    parse(&String::from_utf8_lossy(&results))
}

/// Lines of three words with tabs between them: test, result, reason.
fn parse(results: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for line in results.lines() {
        let mut words = line.splitn(3, '\t');
        if let (Some(test), Some(result)) = (words.next(), words.next()) {
            add(&mut outcomes, test, Outcome::new(result, words.next().unwrap_or_default()));
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_test_with_its_result_and_reason() {
        let outcomes = parse(
            "test.test_fork1.ForkTest.test_wait\tok\t\n\
             test.test_os.FDInheritanceTests.test_dup2\tFAIL\tAssertionError: True is not false\n\
             test.test_os.FSEncodingTests.test_nop\tskipped\tonly Windows specific\n\
             test.test_os.WalkTests.test_walk (path='/tmp/alive-x/w')\tERROR\tOSError: [Errno 39] x: '/tmp/alive-x/w'\n\
             test.test_os.Half\n",
        );
        assert_eq!(outcomes.len(), 4);
        assert_eq!(outcomes["test.test_fork1.ForkTest.test_wait"], Outcome::ok());
        assert_eq!(
            outcomes["test.test_os.FDInheritanceTests.test_dup2"].to_string(),
            "FAIL (AssertionError: True is not false)"
        );
        assert_eq!(outcomes["test.test_os.FSEncodingTests.test_nop"].result, "skipped");
        assert_eq!(
            outcomes["test.test_os.WalkTests.test_walk (path='/tmp/*')"].why,
            "OSError: [Errno 39] x: '/tmp/*'"
        );
    }
}
