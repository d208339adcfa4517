//! Whatever is written is read back the same: records in any order and number, and text columns.

use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Code, Frame, Lineage, Module, Record, Usage, types};
use alive_wire::{
    CodeKind, Datagram, Encoder, Header, Kind, Language, LanguageStack, LineWriter, MAX_ACCEPTED, MAX_FRAMES,
    NoLines, Outcome, Via, text,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

/// A record that owns its bytes.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Text(u8, Vec<u8>),
    Number(u8, u64),
    Code(Code),
    Lineage(Lineage<'static>, Option<Language>, Vec<u8>),
    Module(Vec<u8>, Vec<u8>),
    Frames(Vec<Frame>),
    LanguageStack(Option<Language>, Vec<u8>),
    Interpreter(Language, Option<NoLines>, Vec<u8>),
    NotSent(u8, u64),
    Usage(Usage),
    Search(u32),
    Field(Vec<u8>, Vec<u8>),
}

impl Owned {
    fn write(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Text(kind, bytes) => encoder.string(*kind, bytes),
            Self::Number(kind, number) => encoder.number(*kind, *number),
            Self::Code(code) => encoder.code(*code),
            Self::Lineage(link, language, packed) => {
                encoder.lineage(&Lineage { line: LanguageStack { language: *language, packed }, ..*link });
            }
            Self::Module(build_id, path) => assert!(encoder.module(&Module { build_id, path })),
            Self::Frames(frames) => assert_eq!(encoder.frames(frames.iter().copied()), frames.len()),
            Self::LanguageStack(language, packed) => {
                encoder.language_stack(&LanguageStack { language: *language, packed }, MAX_ACCEPTED);
            }
            Self::Interpreter(language, no_lines, version) => {
                encoder.interpreter(*language, *no_lines, version);
            }
            Self::Usage(usage) => encoder.usage(*usage),
            Self::NotSent(reason, count) => encoder.not_sent(*reason, *count),
            Self::Search(probes) => encoder.search(*probes),
            Self::Field(key, value) => encoder.field(key, value),
        }
    }

    fn read(record: Record<'_>) -> Self {
        match record {
            Record::Path(bytes) => Self::Text(types::PATH, bytes.to_vec()),
            Record::Name(bytes) => Self::Text(types::NAME, bytes.to_vec()),
            Record::Program(bytes) => Self::Text(types::PROGRAM, bytes.to_vec()),
            Record::Executable(bytes) => Self::Text(types::EXECUTABLE, bytes.to_vec()),
            Record::PulledInBy(bytes) => Self::Text(types::PULLED_IN_BY, bytes.to_vec()),
            Record::ShimVersion(bytes) => Self::Text(types::SHIM_VERSION, bytes.to_vec()),
            Record::FileBytes(number) => Self::Number(types::FILE_BYTES, number),
            Record::Usage(usage) => Self::Usage(usage),
            Record::Duration(number) => Self::Number(types::DURATION, number),
            Record::Code(code) => Self::Code(code),
            Record::Lineage(link) => Self::Lineage(
                Lineage { line: LanguageStack::NONE, ..link },
                link.line.language,
                link.line.packed.to_vec(),
            ),
            Record::Module(Module { build_id, path }) => Self::Module(build_id.to_vec(), path.to_vec()),
            Record::Frames(frames) => Self::Frames(frames.collect()),
            Record::LanguageStack(stack) => Self::LanguageStack(stack.language, stack.packed.to_vec()),
            Record::Interpreter { language: Some(language), no_lines, version } => {
                let known = NoLines::from_byte(no_lines);
                assert_eq!(known.map_or(0, NoLines::byte), no_lines);
                Self::Interpreter(language, known, version.to_vec())
            }
            Record::NotSent { reason, count } => Self::NotSent(reason, count),
            Record::Search { probes } => Self::Search(probes),
            Record::Field { key, value } => Self::Field(key.to_vec(), value.to_vec()),
            other => panic!("never written: {other:?}"),
        }
    }
}

/// Few enough bytes that ten records of any sort fit a datagram.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..60)
}

/// Frames as an interpreter has them: many files in few folders.
fn frames() -> impl Strategy<Value = Vec<(u32, Vec<u8>, Vec<u8>)>> {
    let folder = select(vec![&b""[..], b"/usr/lib/python3/", b"/usr/lib/ruby/", b"/srv/\xff/", &[b'd'; 300]]);
    let file = (folder, vec(any::<u8>(), 0..12)).prop_map(|(folder, name)| [folder, &name].concat());
    let function = prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 250..260)];
    vec((any::<u32>(), file, function), 0..40)
}

/// Few enough frames that ten stacks fit a datagram.
fn packed() -> impl Strategy<Value = Vec<u8>> {
    frames().prop_map(|frames| {
        let mut buf = [0xaa; 80];
        let mut writer = LineWriter::new(&mut buf, MAX_LINES);
        for (line, file, function) in &frames {
            writer.push(*line, file, function);
        }
        let length = writer.len();
        buf[..length].to_vec()
    })
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Option<T>> {
    option::of(select(all))
}

fn owned() -> impl Strategy<Value = Owned> {
    let texts = vec![
        types::PATH,
        types::NAME,
        types::PROGRAM,
        types::EXECUTABLE,
        types::PULLED_IN_BY,
        types::SHIM_VERSION,
    ];
    let numbers = vec![types::FILE_BYTES, types::DURATION];
    let frame = (any::<u8>(), any::<u64>()).prop_map(|(module, offset)| Frame { module, offset });
    prop_oneof![
        (select(texts), bytes()).prop_map(|(kind, bytes)| Owned::Text(kind, bytes)),
        (select(numbers), any::<u64>()).prop_map(|(kind, number)| Owned::Number(kind, number)),
        (word(CodeKind::ALL), word(Language::ALL), word(Outcome::ALL), word(Via::ALL))
            .prop_map(|(kind, language, outcome, via)| Owned::Code(Code { kind, language, outcome, via })),
        (
            (any::<u16>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u8>()),
            (any::<u64>(), any::<u64>(), any::<u32>())
        )
            .prop_flat_map(|((role, forks, ordinal, forker_pid, module), (offset, nanos, kib))| {
                let line = LanguageStack::NONE;
                let link = Lineage {
                    role,
                    forks,
                    ordinal,
                    forker_pid,
                    module,
                    offset,
                    fork_nanos: nanos,
                    resident_kib: kib,
                    line,
                };
                (word(Language::ALL), packed()).prop_map(move |(language, packed)| {
                    // Nobody's lines are no lines.
                    Owned::Lineage(link, language.filter(|_| !packed.is_empty()), packed)
                })
            }),
        (bytes(), bytes()).prop_map(|(build_id, path)| Owned::Module(build_id, path)),
        vec(frame, 1..14).prop_map(Owned::Frames),
        (word(Language::ALL), packed().prop_filter("some frames", |packed| !packed.is_empty()))
            .prop_map(|(language, packed)| Owned::LanguageStack(language, packed)),
        (select(Language::ALL), word(NoLines::ALL), bytes())
            .prop_map(|(language, no_lines, version)| Owned::Interpreter(language, no_lines, version)),
        (any::<u8>(), any::<u64>()).prop_map(|(reason, count)| Owned::NotSent(reason, count)),
        (any::<u64>(), 1..=u32::MAX, any::<u64>())
            .prop_map(|(faults, thread, cpu_nanos)| Owned::Usage(Usage { faults, thread, cpu_nanos })),
        any::<u32>().prop_map(Owned::Search),
        (bytes(), bytes()).prop_map(|(key, value)| Owned::Field(key, value)),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let unknown = (0..=u8::MAX).prop_filter("a known kind", |byte| Kind::from_byte(*byte).is_none());
    let kind = prop_oneof![select(Kind::ALL).prop_map(Ok), unknown.prop_map(Err)];
    let who = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>());
    let when = (any::<u64>(), any::<u64>(), any::<u64>());
    (kind, any::<u16>(), who, when).prop_map(|(kind, flags, who, when)| {
        let (pid, ppid, root_pid, node, depth) = who;
        let (root_start_micros, sequence, monotonic_nanos) = when;
        Header { kind, flags, pid, ppid, root_pid, root_start_micros, sequence, monotonic_nanos, node, depth }
    })
}

proptest! {
    #[test]
    fn an_event_reads_as_it_was_written(header in header(), records in vec(owned(), 0..10)) {
        let mut buf = [0xaa; MAX_ACCEPTED];
        let mut encoder = Encoder::new(&mut buf, header).expect("room for a header");
        for record in &records {
            record.write(&mut encoder);
        }
        let length = encoder.finish();
        let Ok(Datagram::Binary(mut events)) = Datagram::new(&buf[..length]) else { panic!("not ALV1") };
        let event = events.next().expect("one event").expect("well formed");
        prop_assert_eq!(event.header, header, "nothing was cut, so the flags are the sender's");
        let read: Vec<_> = event.records().map(|record| Owned::read(record.expect("well formed"))).collect();
        prop_assert_eq!(read, records);
        prop_assert!(events.next().is_none());
    }

    /// However short the buffer: the innermost frames, whole, and the cut is told.
    #[test]
    fn a_language_stack_reads_as_it_was_packed(frames in frames(), room in 0..4_000usize) {
        let mut buf = vec![0xaa; room];
        let mut writer = LineWriter::new(&mut buf, MAX_LINES);
        let written = frames.iter().take_while(|(line, file, function)| writer.push(*line, file, function));
        let written = written.count();
        let (length, cut) = (writer.len(), writer.is_cut());
        let stack = LanguageStack { language: None, packed: &buf[..length] };
        prop_assert_eq!(stack.fitting(length), length);
        let mut file = Vec::new();
        let mut read = Vec::new();
        for frame in stack.frames() {
            prop_assert!(frame.shared <= file.len());
            file.truncate(frame.shared);
            file.extend_from_slice(frame.rest);
            read.push((frame.line, file.clone(), frame.function.to_vec()));
        }
        let mut expected = frames.clone();
        expected.truncate(written);
        let long = expected.iter().any(|(_, _, function)| function.len() > 255);
        for (_, _, function) in &mut expected {
            function.truncate(255);
        }
        prop_assert_eq!(read, expected);
        prop_assert_eq!(cut, long || written < frames.len());
    }

    /// However short the buffer: what was written whole is read back, and what was not is flagged.
    #[test]
    fn an_event_in_a_short_buffer_is_a_prefix_or_flagged(
        header in header().prop_map(|header| Header { flags: 0, ..header }),
        path in bytes(),
        offsets in vec(any::<u64>(), 0..MAX_FRAMES),
        room in alive_wire::header::LEN..400,
    ) {
        let mut buf = vec![0xaa; room];
        let mut encoder = Encoder::new(&mut buf, header).expect("room for a header");
        encoder.string(types::PATH, &path);
        let written = encoder.frames(offsets.iter().map(|&offset| Frame { module: 1, offset }));
        let length = encoder.finish();
        prop_assert!(length <= room);
        let Ok(Datagram::Binary(mut events)) = Datagram::new(&buf[..length]) else { panic!("not ALV1") };
        let event = events.next().expect("one event").expect("well formed");
        let mut read_path = None;
        let mut read_offsets = Vec::new();
        for record in event.records() {
            match record.expect("well formed") {
                Record::Path(bytes) => read_path = Some(bytes.to_vec()),
                Record::Frames(frames) => read_offsets.extend(frames.map(|frame| frame.offset)),
                other => panic!("never written: {other:?}"),
            }
        }
        prop_assert_eq!(&read_offsets[..], &offsets[..written]);
        prop_assert!(path.starts_with(read_path.as_deref().unwrap_or_default()));
        let path_cut = event.header.flags & alive_wire::header::flags::RECORD_CUT != 0;
        let frames_cut = event.header.flags & alive_wire::header::flags::FRAMES_CUT != 0;
        prop_assert_eq!(path_cut, read_path.as_ref() != Some(&path));
        prop_assert_eq!(frames_cut, written < offsets.len());
    }

    #[test]
    fn text_columns_read_as_they_were_escaped(
        name in vec(any::<u8>(), 1..40),
        key in vec(any::<u8>(), 1..20).prop_filter("another key", |key| key != b"name"),
        value in vec(any::<u8>(), 0..40),
        end in select(vec![&b""[..], b"\n", b"\r\n"]),
    ) {
        let mut line = b"alive1\tping\tname=".to_vec();
        line.extend(escaped(&name));
        line.push(b'\t');
        line.extend(escaped(&key));
        line.push(b'=');
        line.extend(escaped(&value));
        line.extend_from_slice(end);
        let Ok(Datagram::Text(mut lines)) = Datagram::new(&line) else { panic!("not text") };
        let ping = lines.next().expect("one line").expect("well formed");
        prop_assert!(ping.get(b"name").expect("it has one").decoded().eq(name));
        prop_assert!(ping.get(&key).expect("it has one").decoded().eq(value));
        prop_assert_eq!(ping.columns().count(), 2);
        prop_assert!(lines.next().is_none());
    }

    /// What stands in a column can be printed, and cannot be taken for a column's end.
    #[test]
    fn escaped_bytes_are_printable(bytes in vec(any::<u8>(), 0..60)) {
        let escaped = escaped(&bytes);
        prop_assert!(escaped.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'='));
        if let Some(short) = escaped.len().checked_sub(1) {
            prop_assert_eq!(text::escape(&bytes, &mut vec![0; short]), None);
        }
    }
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; bytes.len() * 3];
    let length = text::escape(bytes, &mut out).expect("three times the input suffices");
    out.truncate(length);
    out
}
