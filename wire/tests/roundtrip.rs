//! Whatever is written is read back the same: records in any order and number, and text columns.

use alive_wire::record::{Code, Frame, LanguageFrame, Lineage, Module, Record, types};
use alive_wire::{
    CodeKind, Datagram, Encoder, Header, Kind, Language, MAX_ACCEPTED, MAX_FRAMES, Outcome, Via, text,
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
    Lineage(Lineage),
    Module(Vec<u8>, Vec<u8>),
    Frames(Vec<Frame>),
    LanguageFrame(Option<Language>, u32, Vec<u8>, Vec<u8>),
    NotSent(u8, u64),
    Search(u32),
    Field(Vec<u8>, Vec<u8>),
}

impl Owned {
    fn write(&self, encoder: &mut Encoder<'_>) {
        match self {
            Self::Text(kind, bytes) => encoder.string(*kind, bytes),
            Self::Number(kind, number) => encoder.number(*kind, *number),
            Self::Code(code) => encoder.code(*code),
            Self::Lineage(link) => encoder.lineage(link),
            Self::Module(build_id, path) => assert!(encoder.module(&Module { build_id, path })),
            Self::Frames(frames) => assert_eq!(encoder.frames(frames.iter().copied()), frames.len()),
            Self::LanguageFrame(language, line, file, function) => {
                let frame = LanguageFrame { language: *language, line: *line, file, function };
                assert!(encoder.language_frame(&frame));
            }
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
            Record::MinorFaults(number) => Self::Number(types::MINOR_FAULTS, number),
            Record::Duration(number) => Self::Number(types::DURATION, number),
            Record::Code(code) => Self::Code(code),
            Record::Lineage(link) => Self::Lineage(link),
            Record::Module(Module { build_id, path }) => Self::Module(build_id.to_vec(), path.to_vec()),
            Record::Frames(frames) => Self::Frames(frames.collect()),
            Record::LanguageFrame(LanguageFrame { language, line, file, function }) => {
                Self::LanguageFrame(language, line, file.to_vec(), function.to_vec())
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
    let numbers = vec![types::FILE_BYTES, types::MINOR_FAULTS, types::DURATION];
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
            .prop_map(
                |((role, forks, ordinal, forker_pid, module), (offset, fork_nanos, resident_kib))| {
                    Owned::Lineage(Lineage {
                        role,
                        forks,
                        ordinal,
                        forker_pid,
                        module,
                        offset,
                        fork_nanos,
                        resident_kib,
                    })
                }
            ),
        (bytes(), bytes()).prop_map(|(build_id, path)| Owned::Module(build_id, path)),
        vec(frame, 1..14).prop_map(Owned::Frames),
        (word(Language::ALL), any::<u32>(), bytes(), bytes()).prop_map(|(language, line, file, function)| {
            Owned::LanguageFrame(language, line, file, function)
        }),
        (any::<u8>(), any::<u64>()).prop_map(|(reason, count)| Owned::NotSent(reason, count)),
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
