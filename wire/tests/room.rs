//! What does not fit an event: it is cut where a reader can go on, or left out whole, and the event says so.

mod encoded;

use alive_wire::header::{LEN, flags};
use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Frame, Module, Record, types};
use alive_wire::{Encoder, Language, LanguageStack, LineWriter, MAX_FRAMES, MAX_PATH, MAX_SENT};
use encoded::{HEADER, encode, only, records};

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
