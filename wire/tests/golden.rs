//! The bytes on the wire, pinned: one file for each kind in `tests/golden/`, and the example in the
//! crate's documentation. What fails here breaks every shim or collector already installed.
//!
//! A new kind gets a new file; an existing file changes only together with `header::MAJOR`.

#[path = "golden/files.rs"]
mod files;

use alive_wire::header::{Header, flags};
use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Code, Frame, Lineage, Module, NO_MODULE, Reason, Record, Toll, Usage, types};
use alive_wire::{
    Bystanders, CodeKind, Datagram, Encoder, Kind, Language, LanguageStack, LineWriter, MAX_SENT, NoLines,
    Outcome, Via,
};

fn header(kind: Kind, flags: u16, node: u32, depth: u16, sequence: u64) -> Header {
    Header {
        kind: Ok(kind),
        flags,
        pid: 4242,
        ppid: 4241,
        root_pid: 4240,
        root_start_micros: 1_700_000_000_123_456,
        sequence,
        monotonic_nanos: 123_456_789_012_345,
        node,
        depth,
    }
}

fn encode(header: Header, records: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut buf = [0xaa; MAX_SENT];
    let mut encoder = Encoder::new(&mut buf, header).expect("room for a header");
    records(&mut encoder);
    let length = encoder.finish();
    buf[..length].to_vec()
}

/// A packed stack, innermost frame first.
fn packed(frames: &[(u32, &str, &str)]) -> Vec<u8> {
    let mut buf = [0xaa; MAX_SENT];
    let mut writer = LineWriter::new(&mut buf, MAX_LINES);
    for (line, file, function) in frames {
        assert!(writer.push(*line, file.as_bytes(), function.as_bytes()));
    }
    let length = writer.len();
    buf[..length].to_vec()
}

/// The hex pairs at the beginning of each line of the first example in a module's documentation, behind
/// `skip` columns.
fn documented(module: &str, skip: usize) -> Vec<u8> {
    module
        .lines()
        .skip_while(|line| !line.contains("```text"))
        .skip(1)
        .take_while(|line| !line.contains("```"))
        .flat_map(|line| {
            line.trim_start_matches("//!")
                .split_whitespace()
                .skip(skip)
                .map_while(|word| (word.len() == 2).then(|| u8::from_str_radix(word, 16).ok()).flatten())
        })
        .collect()
}

/// The encoder makes exactly the golden bytes, and the decoder finds the header and `records` in them.
fn pin(golden: &[u8], header: Header, encoded: &[u8], records: &[Record<'_>]) {
    assert_eq!(encoded, golden, "\nencoder {encoded:02x?}\n golden {golden:02x?}");
    let Ok(Datagram::Binary(mut events)) = Datagram::new(golden) else { panic!("not ALV1") };
    let event = events.next().expect("one event").expect("well formed");
    assert_eq!(event.header, header);
    let read: Vec<_> = event.records().map(|record| record.expect("well formed")).collect();
    let (frames, others): (Vec<_>, Vec<_>) =
        read.into_iter().partition(|record| matches!(record, Record::Frames(_)));
    assert_eq!(others, records);
    assert!(frames.len() <= 1);
    assert!(events.next().is_none());
}

#[test]
fn the_example_in_the_documentation_is_what_the_encoder_makes() {
    let documented = documented(include_str!("../src/lib.rs"), 1);
    let header = Header {
        kind: Ok(Kind::Load),
        flags: 0,
        pid: 4242,
        ppid: 4241,
        root_pid: 4240,
        root_start_micros: 123_456,
        sequence: 7,
        monotonic_nanos: 1_000_000_000,
        node: 3,
        depth: 1,
    };
    let code = Code {
        kind: Some(CodeKind::Module),
        language: Some(Language::Perl),
        outcome: Some(Outcome::Loaded),
        via: Some(Via::Open),
    };
    let encoded = encode(header, |encoder| {
        encoder.string(types::PATH, b"/a.pm");
        encoder.code(code);
        encoder.string(types::NAME, b"a");
    });
    pin(&documented, header, &encoded, &[Record::Path(b"/a.pm"), Record::Code(code), Record::Name(b"a")]);
}

#[test]
fn the_stack_in_the_documentation_is_what_the_encoder_makes() {
    let packed = packed(&[(300, "/srv/app.py", "a"), (7, "/srv/lib.py", "")]);
    let stack = LanguageStack { language: Some(Language::Python), packed: &packed };
    let encoded = encode(header(Kind::Load, 0, 0, 0, 1), |encoder| {
        encoder.language_stack(&stack, MAX_SENT);
    });
    let record = &encoded[alive_wire::header::LEN..];
    assert_eq!(record[..3], [types::LANGUAGE_STACK, 28, 0]);
    assert_eq!(record[3..], documented(include_str!("../src/lines.rs"), 0));
}

#[test]
fn start() {
    let header = Header { pid: 4240, ppid: 1, ..header(Kind::Start, 0, 0, 0, 1) };
    let encoded = encode(header, |encoder| {
        encoder.string(types::PROGRAM, b"spamd");
        encoder.string(types::EXECUTABLE, b"/usr/bin/perl");
        encoder.string(types::SHIM_VERSION, b"0.1.0");
        encoder.interpreter(Language::Perl, None, b"5.36.0");
        encoder.interpreter(Language::Python, Some(NoLines::UnknownVersion), b"3.15.0");
    });
    pin(
        &files::bytes(files::START),
        header,
        &encoded,
        &[
            Record::Program(b"spamd"),
            Record::Executable(b"/usr/bin/perl"),
            Record::ShimVersion(b"0.1.0"),
            Record::Interpreter { language: Some(Language::Perl), no_lines: 0, version: b"5.36.0" },
            Record::Interpreter { language: Some(Language::Python), no_lines: 1, version: b"3.15.0" },
        ],
    );
}

#[test]
fn load_with_everything() {
    let header = header(Kind::Load, flags::REBASED | flags::SEEN_LATER, 3, 1, 7);
    let code = Code {
        kind: Some(CodeKind::Library),
        language: Some(Language::Native),
        outcome: Some(Outcome::Loaded),
        via: Some(Via::Dlopen),
    };
    let link = Lineage {
        role: 1,
        forks: 8,
        ordinal: 3,
        forker_pid: 4240,
        module: 0,
        offset: 0x1234,
        fork_nanos: 1_000_000,
        resident_kib: 2000,
        line: LanguageStack::NONE,
    };
    let build_id = [
        0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01,
        0x23, 0x45, 0x67,
    ];
    let perl = Module { build_id: &build_id, path: b"/usr/bin/perl" };
    let libc = Module { build_id: b"", path: b"/lib/libc.so.6" };
    let lines = packed(&[(42, "/lib/A.pm", "A::b"), (7, "/lib/main.pl", "")]);
    let lines = LanguageStack { language: Some(Language::Perl), packed: &lines };
    let stack = [
        Frame { module: 0, offset: 0x7f },
        Frame { module: 1, offset: 0x4080 },
        Frame { module: NO_MODULE, offset: u64::MAX },
    ];
    let usage = Usage { faults: 321, thread: 4243, cpu_nanos: 1_500_000_000 };
    let encoded = encode(header, |encoder| {
        encoder.string(types::PATH, b"/opt/\xff\x1b/a.so");
        encoder.code(code);
        encoder.string(types::NAME, b"a.so");
        encoder.string(types::PULLED_IN_BY, b"/opt/b.so");
        encoder.number(types::FILE_BYTES, 1_400_000);
        encoder.usage(usage);
        encoder.number(types::DURATION, 98_765);
        encoder.lineage(&link);
        assert!(encoder.module(&perl));
        assert!(encoder.module(&libc));
        encoder.language_stack(&lines, MAX_SENT);
        encoder.not_sent(Reason::SendFailed as u8, 2);
        assert_eq!(encoder.frames(stack), stack.len());
    });
    let bytes = files::bytes(files::LOAD);
    pin(
        &bytes,
        header,
        &encoded,
        &[
            Record::Path(b"/opt/\xff\x1b/a.so"),
            Record::Code(code),
            Record::Name(b"a.so"),
            Record::PulledInBy(b"/opt/b.so"),
            Record::FileBytes(1_400_000),
            Record::Usage(usage),
            Record::Duration(98_765),
            Record::Lineage(link),
            Record::Module(perl),
            Record::Module(libc),
            Record::LanguageStack(lines),
            Record::NotSent { reason: Reason::SendFailed as u8, count: 2 },
        ],
    );
    let Ok(Datagram::Binary(mut events)) = Datagram::new(&bytes) else { panic!("not ALV1") };
    let event = events.next().expect("one event").expect("well formed");
    let frames = event.records().find_map(|record| match record {
        Ok(Record::Frames(frames)) => Some(frames.collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(frames.as_deref(), Some(&stack[..]));
}

#[test]
fn missing() {
    let header = header(Kind::Missing, 0, 3, 1, 8);
    let code = Code {
        kind: Some(CodeKind::Module),
        language: Some(Language::Perl),
        outcome: Some(Outcome::Failed),
        via: Some(Via::Open),
    };
    let link = Lineage {
        role: 1,
        forks: 8,
        ordinal: 3,
        forker_pid: 4240,
        module: NO_MODULE,
        offset: 0x7fff_1234_5678,
        fork_nanos: 1_000_000,
        resident_kib: 2000,
        line: LanguageStack::NONE,
    };
    let encoded = encode(header, |encoder| {
        encoder.string(types::NAME, b"Encode/Missing.pm");
        encoder.code(code);
        encoder.search(12);
        encoder.lineage(&link);
        encoder.interpreter(Language::Perl, Some(NoLines::Interrupted), b"");
    });
    pin(
        &files::bytes(files::MISSING),
        header,
        &encoded,
        &[
            Record::Name(b"Encode/Missing.pm"),
            Record::Code(code),
            Record::Search { probes: 12 },
            Record::Lineage(link),
            Record::Interpreter { language: Some(Language::Perl), no_lines: 6, version: b"" },
        ],
    );
}

#[test]
fn ping() {
    let header = header(Kind::Ping, 0, 3, 1, 9);
    let encoded = encode(header, |encoder| {
        encoder.string(types::NAME, b"checkout.legacy");
        encoder.field(b"file", b"cart.pl");
        encoder.field(b"line", b"42");
    });
    pin(
        &files::bytes(files::PING),
        header,
        &encoded,
        &[
            Record::Name(b"checkout.legacy"),
            Record::Field { key: b"file", value: b"cart.pl" },
            Record::Field { key: b"line", value: b"42" },
        ],
    );
}

#[test]
fn fork() {
    let header = header(Kind::Fork, 0, 4, 2, 10);
    let master = Lineage {
        role: 1,
        forks: 1,
        ordinal: 1,
        forker_pid: 4240,
        module: 0,
        offset: 0x1000,
        fork_nanos: 1_000_000,
        resident_kib: 2000,
        line: LanguageStack::NONE,
    };
    let line = packed(&[(589, "arbiter.py", "spawn_worker")]);
    let line = LanguageStack { language: Some(Language::Python), packed: &line };
    let worker = Lineage { role: 2, forks: 8, ordinal: 0, forker_pid: 4241, offset: 0x2000, line, ..master };
    let python = Module { build_id: b"", path: b"/usr/bin/python3.11" };
    let encoded = encode(header, |encoder| {
        encoder.lineage(&master);
        encoder.lineage(&worker);
        assert!(encoder.module(&python));
    });
    pin(
        &files::bytes(files::FORK),
        header,
        &encoded,
        &[Record::Lineage(master), Record::Lineage(worker), Record::Module(python)],
    );
}

#[test]
fn fork_with_bystanders() {
    let header = header(Kind::Fork, 0, 5, 1, 11);
    let seen = Bystanders {
        role: 1,
        threads: 3,
        sockets: 2,
        bits: alive_wire::bystanders::AT_LEAST,
        most_threads: 4,
        most_sockets: 1000,
        names: b"timer\0io",
    };
    let encoded = encode(header, |encoder| encoder.bystanders(&seen));
    pin(&files::bytes(files::BYSTANDERS), header, &encoded, &[Record::Bystanders(seen)]);
}

#[test]
fn end() {
    let header = Header { root_pid: 4242, ..header(Kind::End, flags::NO_TREE, 0, 0, 0) };
    let toll = Toll { cpu_nanos: 15_000_000, wall_nanos: 20_000_000, resident_kib: 8_192 };
    let encoded = encode(header, |encoder| {
        encoder.string(types::PROGRAM, b"a.pl1");
        encoder.string(types::EXECUTABLE, b"/usr/bin/pl");
        encoder.toll(toll);
    });
    let records = [Record::Program(b"a.pl1"), Record::Executable(b"/usr/bin/pl"), Record::Toll(toll)];
    pin(&files::bytes(files::END), header, &encoded, &records);
}

#[test]
fn every_golden_file_is_one_of_all() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files.filter(|file| file.extension() == Some("hex".as_ref())).count(), files::ALL.len());
}
