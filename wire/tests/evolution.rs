//! What an old reader does with a newer sender, and any reader with a datagram that is cut or not ours.

mod encoded;

use alive_wire::header::LEN;
use alive_wire::record::{Frame, Lineage, Record, Usage, types};
use alive_wire::{Bystanders, Datagram, Error, Language, LanguageStack, MAX_SENT};
use encoded::{HEADER, encode, events, only, records};

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
fn an_overlong_frame_offset_ends_the_stack() {
    let mut payload = vec![0, 1, 0];
    payload.extend([0xff; 11]);
    let bytes = encode(MAX_SENT, |encoder| encoder.string(types::FRAMES, &payload));
    let [Record::Frames(frames)] = records(&only(&bytes))[..] else { panic!("no frames") };
    assert_eq!(frames.collect::<Vec<_>>(), [Frame { module: 0, offset: 1 }]);
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
