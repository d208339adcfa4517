//! A temporary folder with a preload library of its own, and `alive` set up to use it.
//!
//! The library does nothing: these tests are about what `alive run` does around it. Where events
//! are wanted the traced command itself sends them, from a file made by [`Scene::datagram`].

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use alive_wire::record::{Code, Lineage, NO_MODULE};
use alive_wire::{CodeKind, Encoder, Header, Kind, Language, LanguageStack, Outcome, Via, record::types};

/// No test waits longer for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) shim: PathBuf,
    /// Events so far: one that comes with the number of another is that one, and counts once.
    events: Cell<u64>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Some tests run as another user.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let shim = compile(folder.path(), "libpostfork.so", "int preloaded;", &["-shared", "-fPIC"]);
        Self { folder, shim, events: Cell::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that exits with status 0.
    pub(crate) fn program(&self, name: &str, flags: &[&str]) -> PathBuf {
        compile(self.folder.path(), name, "int main(void) { return 0; }", flags)
    }

    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn alive(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alive"));
        command
            .env("ALIVE_SHIM", &self.shim)
            .env("XDG_STATE_HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env_remove("LD_PRELOAD")
            .env_remove("ALIVE_NAME")
            .env_remove("ALIVE_OFF")
            .env_remove("STATE_DIRECTORY")
            .stdin(Stdio::null());
        command
    }

    /// `alive run FLAGS -- COMMAND`, run to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, flags: &[&str], command: &[S]) -> Output {
        self.alive().arg("run").args(flags).arg("--").args(command).output().unwrap()
    }

    /// A shell command that reports a load of `/srv/late.pm` by one of two workers.
    pub(crate) fn report_a_load(&self) -> String {
        self.report_a_load_of("/srv/late.pm")
    }

    /// The same of another file.
    pub(crate) fn report_a_load_of(&self, file: &str) -> String {
        let path = self.path("load.datagram");
        self.events.set(self.events.get() + 1);
        fs::write(&path, load(file, self.events.get())).unwrap();
        format!("cat {} > /dev/udp/127.0.0.1/${{ALIVE_ADDR##*:}}", path.display())
    }
}

/// One load event, as the preload library sends it.
fn load(path: &str, sequence: u64) -> Vec<u8> {
    let mut buffer = [0; alive_wire::MAX_SENT];
    let header = Header {
        kind: Ok(Kind::Load),
        flags: 0,
        pid: 4242,
        ppid: 4240,
        root_pid: 4240,
        root_start_micros: 1_700_000_000_000_000,
        sequence,
        monotonic_nanos: 0,
        node: 1,
        depth: 1,
    };
    let mut event = Encoder::new(&mut buffer, header).unwrap();
    event.string(types::PATH, path.as_bytes());
    event.string(types::PROGRAM, b"testd");
    event.code(Code {
        kind: Some(CodeKind::Module),
        language: Some(Language::Perl),
        outcome: Some(Outcome::Loaded),
        via: Some(Via::Open),
    });
    event.lineage(&Lineage {
        role: 1,
        forks: 2,
        ordinal: 1,
        forker_pid: 4240,
        module: NO_MODULE,
        offset: 0x40,
        fork_nanos: 0,
        resident_kib: 0,
        line: LanguageStack::NONE,
    });
    let length = event.finish();
    buffer[..length].to_vec()
}

fn compile(folder: &Path, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let out = folder.join(name);
    let text = folder.join("source.c");
    fs::write(&text, source).unwrap();
    let compiler = Command::new("gcc").arg("-o").arg(&out).arg(&text).args(flags).output().unwrap();
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    out
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for the end of a child, and ends it when it does not come.
pub(crate) fn wait(mut child: Child) -> Output {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}
