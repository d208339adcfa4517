//! What an old reader does with a newer sender, and any reader with a datagram that is cut or not ours.

use alive_wire::header::{LEN, flags};
use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Frame, Lineage, Module, Record, Usage, types};
use alive_wire::{
    Bystanders, Datagram, Encoder, Error, Event, Header, Kind, Language, LanguageStack, LineWriter,
    MAX_FRAMES, MAX_PATH, MAX_SENT,
};

const HEADER: Header = Header {
    kind: Ok(Kind::Load),
    flags: 0,
    pid: 2,
    ppid: 1,
    root_pid: 1,
    root_start_micros: 3,
    sequence: 4,
    monotonic_nanos: 5,
    node: 6,
    depth: 7,
};

fn encode(room: usize, records: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut buf = vec![0xaa; room];
    let mut encoder = Encoder::new(&mut buf, HEADER).expect("room for a header");
    records(&mut encoder);
    let length = encoder.finish();
    buf.truncate(length);
    buf
}

fn events(bytes: &[u8]) -> Vec<Result<Event<'_>, Error>> {
    match Datagram::new(bytes) {
        Ok(Datagram::Binary(events)) => events.collect(),
        other => panic!("not binary: {other:?}"),
    }
}

fn only(bytes: &[u8]) -> Event<'_> {
    match events(bytes)[..] {
        [Ok(event)] => event,
        ref other => panic!("not one good event: {other:?}"),
    }
}

fn records<'a>(event: &Event<'a>) -> Vec<Record<'a>> {
    event.records().map(|record| record.expect("well formed")).collect()
}

fn set_u16(bytes: &mut [u8], at: usize, value: usize) {
    let value = u16::try_from(value).expect("fits");
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn another_major_version_is_refused_by_name() {
    let mut bytes = encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/a.pm"));
    bytes[4] = 2;
    assert_eq!(events(&bytes).pop().map(|event| event.map(|_| ())), Some(Err(Error::UnsupportedVersion(2))));
}

#[test]
fn a_longer_header_is_skipped() {
    let mut bytes = encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/a.pm"));
    let grown = [0x55; 8];
    let total = bytes.len() + grown.len();
    bytes.splice(LEN..LEN, grown);
    set_u16(&mut bytes, 6, LEN + grown.len());
    set_u16(&mut bytes, 8, total);
    let event = only(&bytes);
    assert_eq!(event.header, HEADER);
    assert_eq!(records(&event), [Record::Path(b"/a.pm")]);
}

#[test]
fn a_shorter_header_is_malformed() {
    let mut bytes = encode(MAX_SENT, |_| ());
    set_u16(&mut bytes, 6, LEN - 1);
    assert_eq!(events(&bytes).pop().map(|event| event.map(|_| ())), Some(Err(Error::Malformed)));
}

#[test]
fn an_event_shorter_than_its_header_is_malformed() {
    let mut bytes = encode(MAX_SENT, |_| ());
    set_u16(&mut bytes, 8, LEN - 1);
    assert_eq!(events(&bytes).pop().map(|event| event.map(|_| ())), Some(Err(Error::Malformed)));
}

#[test]
fn an_unknown_kind_keeps_its_byte_and_its_records() {
    let mut bytes = encode(MAX_SENT, |encoder| encoder.string(types::NAME, b"a"));
    bytes[5] = 200;
    let event = only(&bytes);
    assert_eq!(event.header.kind, Err(200));
    assert_eq!(records(&event), [Record::Name(b"a")]);
    let total = u16::try_from(bytes.len()).expect("short");
    assert_eq!(event.header.to_bytes(total), bytes[..LEN]);
}

#[test]
fn an_unknown_record_is_skipped() {
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.string(types::PATH, b"/a.pm");
        encoder.string(250, b"from the future");
        encoder.number(types::FILE_BYTES, 9);
    });
    let read = records(&only(&bytes));
    assert_eq!(read, [Record::Path(b"/a.pm"), Record::Unknown(250), Record::FileBytes(9)]);
}

#[test]
fn a_record_that_grew_at_its_end_reads_as_before() {
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.string(types::SEARCH, &[12, 0, 0, 0, 99, 99]);
        encoder.string(types::CODE, &[2, 2, 1, 200, 99]);
    });
    let read = records(&only(&bytes));
    assert_eq!(read[0], Record::Search { probes: 12 });
    let Record::Code(code) = read[1] else { panic!("{read:?}") };
    assert_eq!(code.language, Some(Language::Perl));
    assert_eq!(code.via, None, "a word from the future is unknown, not an error");
}

/// A lineage as it was before it told the line that forked.
#[test]
fn a_lineage_that_ends_before_its_line_reads_without_one() {
    let link = Lineage {
        role: 1,
        forks: 2,
        ordinal: 3,
        forker_pid: 4,
        module: 5,
        offset: 6,
        fork_nanos: 7,
        resident_kib: 8,
        line: LanguageStack::NONE,
    };
    let bytes = encode(MAX_SENT, |encoder| encoder.lineage(&link));
    assert_eq!(bytes.len(), LEN + 3 + 35);
    assert_eq!(records(&only(&bytes)), [Record::Lineage(link)]);
}

#[test]
fn words_of_the_future_about_an_interpreter_are_unknown() {
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.string(types::INTERPRETER, b"\xc8\xc95.60");
        encoder.string(types::LANGUAGE_STACK, b"\xc8\x01\x00\x01a\x00");
    });
    let read = records(&only(&bytes));
    assert_eq!(read[0], Record::Interpreter { language: None, no_lines: 0xc9, version: b"5.60" });
    let Record::LanguageStack(stack) = read[1] else { panic!("{read:?}") };
    assert_eq!(stack.language, None);
    assert_eq!(stack.frames().count(), 1);
}

#[test]
fn names_of_threads_are_told_apart_and_may_be_missing() {
    let seen = Bystanders {
        role: 1,
        threads: 3,
        sockets: 0,
        bits: 0,
        most_threads: 3,
        most_sockets: 2,
        names: b"timer\0\0io-1\0",
    };
    assert!(seen.thread_names().eq([&b"timer"[..], b"io-1"]));
    let bytes = encode(MAX_SENT, |encoder| encoder.bystanders(&Bystanders { names: b"", ..seen }));
    assert_eq!(bytes.len(), LEN + 3 + 19);
    let [Record::Bystanders(read)] = records(&only(&bytes))[..] else { panic!("no bystanders") };
    assert_eq!(read.thread_names().count(), 0);
    assert_eq!((read.threads, read.most_sockets), (3, 2));
}

#[test]
fn several_events_stand_in_one_datagram() {
    let mut bytes = encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/a.pm"));
    bytes.extend(encode(MAX_SENT, |_| ()));
    bytes.extend(encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/b.pm")));
    let read: Vec<_> = events(&bytes).into_iter().map(|event| records(&event.expect("good"))).collect();
    assert_eq!(read, [vec![Record::Path(b"/a.pm")], vec![], vec![Record::Path(b"/b.pm")]]);
}

#[test]
fn a_bad_record_costs_its_event_and_not_the_next_one() {
    let mut bytes = encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/a.pm"));
    set_u16(&mut bytes, LEN + 1, 600);
    bytes.extend(encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/b.pm")));
    let read = events(&bytes);
    let [Ok(first), Ok(second)] = read[..] else { panic!("{read:?}") };
    assert_eq!(first.records().collect::<Vec<_>>(), [Err(Error::Malformed)]);
    assert_eq!(records(&second), [Record::Path(b"/b.pm")]);
}

#[test]
fn a_record_too_short_for_its_fields_is_malformed() {
    for kind in [
        types::CODE,
        types::FILE_BYTES,
        types::USAGE,
        types::DURATION,
        types::LINEAGE,
        types::MODULE,
        types::LANGUAGE_STACK,
        types::INTERPRETER,
        types::BYSTANDERS,
        types::TOLL,
        types::NOT_SENT,
        types::SEARCH,
        types::FIELD,
    ] {
        let bytes = encode(MAX_SENT, |encoder| encoder.string(kind, b""));
        let read: Vec<_> = only(&bytes).records().collect();
        assert_eq!(read, [Err(Error::Malformed)], "type {kind}");
    }
}

#[test]
fn a_usage_that_ends_behind_the_faults_is_an_older_senders() {
    let whole = Usage { faults: 0x1234, thread: 0x10_0001, cpu_nanos: 7 };
    let bytes = encode(MAX_SENT, |encoder| encoder.usage(whole));
    let payload = &bytes[LEN + 3..];
    for (length, usage) in [
        (8, Usage { faults: 0x1234, ..Usage::default() }),
        (12, Usage { faults: 0x1234, ..Usage::default() }),
        (20, whole),
    ] {
        let cut = encode(MAX_SENT, |encoder| encoder.string(types::USAGE, &payload[..length]));
        assert_eq!(records(&only(&cut)), [Record::Usage(usage)], "{length} bytes");
    }
    let longer = [payload, &[0xff; 4]].concat();
    let bytes = encode(MAX_SENT, |encoder| encoder.string(types::USAGE, &longer));
    assert_eq!(records(&only(&bytes)), [Record::Usage(whole)], "what a newer sender adds is skipped");
}

#[test]
fn every_cut_of_a_datagram_is_noticed() {
    let bytes = encode(MAX_SENT, |encoder| encoder.string(types::PATH, b"/a.pm"));
    for length in 4..bytes.len() {
        let read = events(&bytes[..length]);
        assert!(matches!(read[..], [Err(Error::Truncated)]), "{length} bytes gave {read:?}");
    }
    for length in 0..4 {
        assert_eq!(Datagram::new(&bytes[..length]).map(|_| ()), Err(Error::UnknownMagic));
    }
}

#[test]
fn bytes_behind_an_event_that_are_no_event_are_told() {
    let mut bytes = encode(MAX_SENT, |_| ());
    bytes.extend_from_slice(b"alive1\tping\tname=x");
    assert!(matches!(events(&bytes)[..], [Ok(_), Err(Error::UnknownMagic)]));
}

#[test]
fn frames_that_do_not_fit_are_cut_and_flagged() {
    let bytes = encode(LEN + 3 + 5, |encoder| {
        let stack = (0..4).map(|offset| Frame { module: 0, offset });
        assert_eq!(encoder.frames(stack), 2, "two frames of two bytes, and a byte that is no frame");
    });
    let event = only(&bytes);
    assert_eq!(event.header.flags, flags::FRAMES_CUT);
    let [Record::Frames(frames)] = records(&event)[..] else { panic!("{event:?}") };
    assert!(frames.map(|frame| frame.offset).eq(0..2));
}

#[test]
fn no_event_has_more_frames_than_the_cap() {
    let bytes = encode(MAX_SENT, |encoder| {
        let stack = (0..).map(|offset| Frame { module: 0, offset });
        assert_eq!(encoder.frames(stack), MAX_FRAMES);
    });
    assert_eq!(only(&bytes).header.flags, flags::FRAMES_CUT);
}

#[test]
fn a_stack_that_just_fits_is_not_flagged() {
    let stack = [Frame { module: 0, offset: 1 }; MAX_FRAMES];
    let bytes = encode(LEN + 3 + 2 * MAX_FRAMES, |encoder| {
        assert_eq!(encoder.frames(stack), MAX_FRAMES);
        assert_eq!(encoder.room(), 0);
    });
    assert_eq!(only(&bytes).header.flags, 0);
}

#[test]
fn no_frames_make_no_record() {
    let bytes = encode(MAX_SENT, |encoder| assert_eq!(encoder.frames([]), 0));
    assert_eq!(records(&only(&bytes)), []);
}

#[test]
fn a_path_longer_than_the_buffer_is_cut_and_flagged() {
    let path = [b'p'; MAX_PATH];
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.string(types::PATH, &path);
        encoder.number(types::FILE_BYTES, 9);
    });
    assert_eq!(bytes.len(), MAX_SENT);
    let event = only(&bytes);
    assert_eq!(event.header.flags, flags::RECORD_CUT);
    assert_eq!(records(&event), [Record::Path(&path[..MAX_SENT - LEN - 3])]);
}

#[test]
fn records_that_do_not_fit_are_left_out_whole_and_flagged() {
    let module = Module { build_id: b"", path: b"/lib/libc.so.6" };
    for leave_out in [
        (|encoder| encoder.number(types::DURATION, 1)) as fn(&mut Encoder<'_>),
        |encoder| encoder.field(b"key", b"value"),
        |encoder| encoder.not_sent(1, 1),
        |encoder| encoder.string(types::NAME, b"a"),
    ] {
        let bytes = encode(LEN + 2, leave_out);
        assert_eq!(only(&bytes).header.flags, flags::RECORD_CUT);
        assert_eq!(bytes.len(), LEN);
    }
    let bytes = encode(LEN + 8, |encoder| {
        assert!(!encoder.module(&module));
        assert_eq!(encoder.frames([Frame { module: 0, offset: 1 }]), 1, "what is shorter still fits");
    });
    assert_eq!(only(&bytes).header.flags, flags::RECORD_CUT);
}

#[test]
fn strings_with_a_short_length_are_cut_and_flagged() {
    let long = [b'k'; 300];
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.field(&long, b"value");
        assert!(encoder.module(&Module { build_id: &long, path: b"/a.so" }));
    });
    let event = only(&bytes);
    assert_eq!(event.header.flags, flags::RECORD_CUT);
    let module = Module { build_id: &long[..255], path: b"/a.so" };
    assert_eq!(
        records(&event),
        [Record::Field { key: &long[..255], value: b"value" }, Record::Module(module)]
    );
}

#[test]
fn a_buffer_without_room_for_the_header_makes_no_event() {
    for room in 0..LEN {
        assert!(Encoder::new(&mut vec![0; room], HEADER).is_none());
    }
    assert_eq!(encode(LEN, |_| ()).len(), LEN);
}

#[test]
fn a_buffer_longer_than_an_event_can_be_is_used_in_part() {
    let mut path = vec![b'p'; 70_000];
    let bytes = encode(80_000, |encoder| encoder.string(types::PATH, &path));
    assert_eq!(bytes.len(), usize::from(u16::MAX));
    path.truncate(bytes.len() - LEN - 3);
    assert_eq!(records(&only(&bytes)), [Record::Path(&path)]);
}

#[test]
fn an_overlong_frame_offset_ends_the_stack() {
    let mut payload = vec![0, 1, 0];
    payload.extend([0xff; 11]);
    let bytes = encode(MAX_SENT, |encoder| encoder.string(types::FRAMES, &payload));
    let [Record::Frames(frames)] = records(&only(&bytes))[..] else { panic!("no frames") };
    assert_eq!(frames.collect::<Vec<_>>(), [Frame { module: 0, offset: 1 }]);
}

/// Twenty lines of one file, packed.
fn lines() -> Vec<u8> {
    let mut buf = [0; 400];
    let mut writer = LineWriter::new(&mut buf, MAX_LINES);
    for line in 1..=20 {
        assert!(writer.push(line, b"/srv/app.rb", b"call"));
    }
    let length = writer.len();
    buf[..length].to_vec()
}

#[test]
fn a_language_stack_is_cut_between_frames_and_flagged() {
    let packed = lines();
    let stack = LanguageStack { language: Some(Language::Ruby), packed: &packed };
    for room in 0..=packed.len() {
        let bytes = encode(MAX_SENT, |encoder| encoder.language_stack(&stack, room));
        let event = only(&bytes);
        let whole = room == packed.len();
        assert_eq!(event.header.flags, if whole { 0 } else { flags::FRAMES_CUT }, "room for {room} bytes");
        match records(&event)[..] {
            [] => assert!(room < 19, "the first frame takes 19 bytes"),
            [Record::LanguageStack(read)] => {
                assert!(read.packed.len() <= room && packed.starts_with(read.packed));
                assert!(room - read.packed.len() < 8, "each further frame takes 8 bytes: its file is shared");
                let expected = 1..=u32::try_from(read.frames().count()).expect("few");
                assert!(read.frames().map(|frame| frame.line).eq(expected), "whole frames, innermost first");
            }
            ref other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_language_stack_takes_what_the_event_has_left() {
    let packed = lines();
    let stack = LanguageStack { language: Some(Language::Ruby), packed: &packed };
    // A record's head, the language and the first two frames.
    for (left, frames) in [(4 + 19 + 8, 2), (4 + 19 + 7, 1), (4 + 18, 0), (3, 0), (0, 0)] {
        let bytes = encode(LEN + left, |encoder| encoder.language_stack(&stack, MAX_SENT));
        let event = only(&bytes);
        assert_eq!(event.header.flags, flags::FRAMES_CUT);
        let read = records(&event).into_iter().find_map(|record| match record {
            Record::LanguageStack(stack) => Some(stack.frames().count()),
            _ => None,
        });
        assert_eq!(read.unwrap_or(0), frames, "{left} bytes left");
    }
}

#[test]
fn no_stack_has_more_lines_than_asked_for_or_than_the_cap() {
    for (at_most, written) in [(1, 1), (MAX_LINES, MAX_LINES), (usize::MAX, MAX_LINES), (0, 0)] {
        let mut buf = [0; 1000];
        let mut writer = LineWriter::new(&mut buf, at_most);
        assert_eq!((0..100).filter(|&line| writer.push(line, b"a", b"")).count(), written);
        assert!(writer.is_cut());
        assert_eq!(writer.is_empty(), written == 0);
    }
}

#[test]
fn after_a_line_that_did_not_fit_none_is_written() {
    let mut buf = [0; 12];
    let mut writer = LineWriter::new(&mut buf, MAX_LINES);
    assert!(writer.push(1, b"/a", b""));
    assert!(!writer.push(2, b"/too/long/for/it", b""));
    assert!(!writer.push(3, b"/a", b""), "it would be taken for the caller of the first");
    assert!(writer.is_cut());
    assert_eq!(writer.len(), 6);
}

#[test]
fn a_function_longer_than_its_length_can_say_is_cut() {
    let mut buf = [0; 600];
    let mut writer = LineWriter::new(&mut buf, MAX_LINES);
    assert!(writer.push(1, b"/a", &[b'f'; 255]));
    assert!(!writer.is_cut());
    assert!(writer.push(2, b"/a", &[b'g'; 256]));
    assert!(writer.is_cut());
    let length = writer.len();
    let stack = LanguageStack { language: None, packed: &buf[..length] };
    assert!(stack.frames().map(|frame| frame.function).eq([&[b'f'; 255][..], &[b'g'; 255]]));
}

#[test]
fn no_more_of_a_file_is_shared_than_a_byte_can_say() {
    let (first, second) = ([&[b'd'; 300][..], b"/one"].concat(), [&[b'd'; 300][..], b"/two"].concat());
    let mut buf = [0; 1000];
    let mut writer = LineWriter::new(&mut buf, MAX_LINES);
    assert!(writer.push(1, &first, b"") && writer.push(2, &second, b""));
    let length = writer.len();
    let stack = LanguageStack { language: None, packed: &buf[..length] };
    let shared: Vec<_> = stack.frames().map(|frame| (frame.shared, frame.rest)).collect();
    assert_eq!(shared, [(0, &first[..]), (255, &second[255..])]);
}

#[test]
fn records_are_read_again_from_where_they_were_left() {
    let bytes = encode(MAX_SENT, |encoder| {
        encoder.string(types::PATH, b"/a.pm");
        encoder.string(types::NAME, b"a");
        encoder.string(types::PROGRAM, b"perl");
    });
    let all = only(&bytes).payloads();
    let mut payloads = all;
    let mut left = vec![payloads.left()];
    while payloads.next().is_some() {
        left.push(payloads.left());
    }
    assert_eq!(left, [8 + 4 + 7, 4 + 7, 7, 0]);
    for (read, left) in left.into_iter().enumerate() {
        let again: Vec<_> = all.resumed(left).collect();
        assert_eq!(again, all.skip(read).collect::<Vec<_>>());
    }
    assert_eq!(all.resumed(usize::MAX).count(), 0, "more than there ever was");
}
