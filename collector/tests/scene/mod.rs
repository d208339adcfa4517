//! What the tests share: a process tree that speaks, a collector that listens, and a folder for both.
#![allow(dead_code, reason = "every test file uses its part of the scene")]

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alive_collector::aggregate::Aggregate;
use alive_collector::moment::Moment;
use alive_collector::{Collector, Options, Progress};
use alive_store::model::{Batch, Program, Snapshot};
use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Code, Frame, Lineage, Module, types};
use alive_wire::{
    CodeKind, Encoder, Header, Kind, Language, LanguageStack, LineWriter, MAX_SENT, Outcome, Via,
};
use tempfile::TempDir;

/// Longest wait for something that should happen soon.
const SOON: Duration = Duration::from_secs(10);

/// Waits until `happened`.
#[track_caller]
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < deadline, "waited {SOON:?} for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A folder with a database and an events file in it.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.path().join("t.db")
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.0.path().join("t.ndjson")
    }

    /// What a collector in this folder is asked to do.
    pub(crate) fn options(&self) -> Options {
        Options {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            db: self.db(),
            flush_every: Duration::from_millis(50),
            ..Options::default()
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        alive_store::snapshot(&self.db()).unwrap()
    }

    /// The one program in the database.
    #[track_caller]
    pub(crate) fn program(&self) -> Program {
        let mut programs = self.snapshot().programs;
        assert_eq!(programs.len(), 1, "{programs:?}");
        programs.remove(0)
    }
}

/// Runs a collector while `during`, and stops it.
pub(crate) fn collect(options: &Options, during: impl FnOnce(&Collector)) -> Progress {
    let collector = Collector::start(options).unwrap();
    during(&collector);
    collector.stop().unwrap().progress
}

/// A socket that sends to `address`.
pub(crate) fn sender(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket
}

/// Everything that waits in an aggregate, as one batch.
pub(crate) fn take(aggregate: &mut Aggregate) -> Option<Batch> {
    let batch = aggregate.take()?.batches(0, usize::MAX).next();
    Some(batch.expect("there is always a first one"))
}

/// Microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros().try_into().unwrap()
}

/// A process tree that numbers its events as the shim does.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) root_pid: u32,
    pub(crate) start_micros: u64,
    pub(crate) sequence: u64,
}

impl Tree {
    /// A tree that begins now.
    pub(crate) fn new(root_pid: u32) -> Self {
        Self { root_pid, start_micros: now_micros(), sequence: 0 }
    }

    /// The header of the next event of a worker; node 0 is the root.
    pub(crate) fn header(&mut self, kind: Kind, node: u32) -> Header {
        self.sequence += 1;
        Header {
            kind: Ok(kind),
            flags: 0,
            pid: self.root_pid + node,
            ppid: self.root_pid,
            root_pid: self.root_pid,
            root_start_micros: self.start_micros,
            sequence: self.sequence,
            monotonic_nanos: Moment::now().monotonic_nanos,
            node,
            depth: u16::from(node > 0),
        }
    }

    pub(crate) fn start(&mut self, program: &[u8]) -> Vec<u8> {
        event(self.header(Kind::Start, 0), |encoder| {
            encoder.string(types::PROGRAM, program);
            encoder.string(types::EXECUTABLE, b"/usr/bin/perl");
            encoder.string(types::SHIM_VERSION, b"0.1.0");
        })
    }

    /// A worker loads a Perl module.
    pub(crate) fn load(&mut self, node: u32, path: &[u8]) -> Vec<u8> {
        event(self.header(Kind::Load, node), |encoder| {
            fork_site(encoder, node);
            encoder.string(types::PATH, path);
            encoder.string(types::NAME, b"Heavy.pm");
            encoder.code(PERL);
            encoder.number(types::FILE_BYTES, 1_234);
            encoder.number(types::DURATION, 5_000_000);
            let lines = packed(&[(42, "/srv/cart.pl", "main::checkout")]);
            let stack = LanguageStack { language: Some(Language::Perl), packed: &lines };
            encoder.language_stack(&stack, MAX_SENT);
            encoder.frames([Frame { module: 0, offset: 0x10 }]);
        })
    }

    /// A worker searches for a name and does not find it.
    pub(crate) fn missing(&mut self, node: u32, name: &[u8], probes: u32) -> Vec<u8> {
        event(self.header(Kind::Missing, node), |encoder| {
            fork_site(encoder, node);
            encoder.string(types::NAME, name);
            encoder.code(Code { outcome: Some(Outcome::Failed), ..PERL });
            encoder.search(probes);
        })
    }

    /// A process of any pid loads a Perl module as a worker.
    pub(crate) fn load_by(&mut self, pid: u32, node: u32, path: &[u8]) -> Vec<u8> {
        let header = Header { pid, ..self.header(Kind::Load, node) };
        event(header, |encoder| {
            fork_site(encoder, node);
            encoder.string(types::PATH, path);
            encoder.code(PERL);
        })
    }

    /// The root forks a worker.
    pub(crate) fn fork(&mut self, forks: u32) -> Vec<u8> {
        event(self.header(Kind::Fork, 0), |encoder| fork_site(encoder, forks))
    }

    /// A worker says that code is alive.
    pub(crate) fn ping(&mut self, name: &[u8]) -> Vec<u8> {
        event(self.header(Kind::Ping, 1), |encoder| {
            fork_site(encoder, 1);
            encoder.string(types::NAME, name);
            encoder.field(b"file", b"cart.pl");
            encoder.field(b"line", b"42");
        })
    }
}

/// What a Perl module is.
pub(crate) const PERL: Code = Code {
    kind: Some(CodeKind::Module),
    language: Some(Language::Perl),
    outcome: Some(Outcome::Loaded),
    via: Some(Via::Open),
};

/// Lines as they are packed, innermost first.
pub(crate) fn packed(lines: &[(u32, &str, &str)]) -> Vec<u8> {
    let mut buffer = [0; MAX_SENT];
    let mut writer = LineWriter::new(&mut buffer, MAX_LINES);
    for (line, file, function) in lines {
        assert!(writer.push(*line, file.as_bytes(), function.as_bytes()));
    }
    let length = writer.len();
    buffer[..length].to_vec()
}

/// One event.
pub(crate) fn event(header: Header, records: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut buffer = [0; MAX_SENT];
    let mut encoder = Encoder::new(&mut buffer, header).unwrap();
    records(&mut encoder);
    let length = encoder.finish();
    buffer[..length].to_vec()
}

/// The lineage of the worker that was forked as the `forks`th; the root has none.
pub(crate) fn fork_site(encoder: &mut Encoder<'_>, forks: u32) {
    if forks > 0 {
        encoder.lineage(&Lineage {
            role: 1,
            forks,
            ordinal: forks,
            forker_pid: 1,
            module: 0,
            offset: 0x20,
            fork_nanos: 0,
            resident_kib: 0,
            line: LanguageStack::NONE,
        });
        encoder.module(&Module { build_id: b"\x01\x02", path: b"/no/such/perl" });
    }
}
