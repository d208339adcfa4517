//! What must hold for any bytes at all. Shared by the libFuzzer target and by `tests/hostile.rs`.

use alive_wire::header::flags;
use alive_wire::record::{Lineage, Record, types};
use alive_wire::{Datagram, Encoder, Error, Event, LanguageStack, MAX_FRAMES, NoLines, text};

/// Decodes `bytes` to the end and checks what a reader may rely on; panics where it does not hold.
pub(crate) fn fuzz_one(bytes: &[u8]) {
    match Datagram::new(bytes) {
        Ok(Datagram::Binary(events)) => {
            let mut least = 0;
            for (event, behind) in events.clone().zip(1..) {
                // An iterator that goes on after an error would turn one bad datagram into a busy loop.
                match event {
                    Ok(event) => least += binary(&event),
                    Err(_) => assert_eq!(events.clone().count(), behind, "events went on after an error"),
                }
            }
            assert!(least <= bytes.len(), "{least} bytes of events out of {}", bytes.len());
        }
        Ok(Datagram::Text(lines)) => {
            for ping in lines.flatten() {
                assert!(ping.get(b"name").is_some_and(|name| name.decoded().next().is_some()));
                for (key, value) in ping.columns().map(|column| column.expect("columns were checked")) {
                    escapes_back(key);
                    escapes_back(value);
                }
            }
        }
        Err(error) => assert_eq!(error, Error::UnknownMagic),
    }
}

/// An event written again from what was read of it reads the same. Returns its least length in bytes.
fn binary(event: &Event<'_>) -> usize {
    let read: Vec<_> = event.records().collect();
    let first_error = read.iter().position(Result::is_err);
    assert!(first_error.is_none_or(|at| at + 1 == read.len()), "records went on after an error");
    // Unknown words and records cannot be written, and the encoder leaves a stack without frames out.
    let known: Vec<Record<'_>> = read
        .into_iter()
        .flatten()
        .filter(|record| match record {
            Record::Unknown(_) => false,
            Record::Frames(frames) => frames.clone().next().is_some(),
            Record::LanguageStack(stack) => stack.frames().next().is_some(),
            Record::Interpreter { language, no_lines, .. } => {
                language.is_some() && (*no_lines == 0 || NoLines::from_byte(*no_lines).is_some())
            }
            _ => true,
        })
        .collect();

    let mut buf = vec![0; usize::from(u16::MAX)];
    let mut encoder = Encoder::new(&mut buf, event.header).expect("64 KiB hold a header");
    for record in &known {
        write(&mut encoder, record);
    }
    let length = encoder.finish();
    let again = match Datagram::new(&buf[..length]) {
        Ok(Datagram::Binary(mut events)) => events.next(),
        other => panic!("written as binary, read as {other:?}"),
    };
    let again = again.expect("one event").expect("well formed");
    let cut = again.header.flags & !event.header.flags;
    assert_eq!(cut & !flags::FRAMES_CUT, 0, "only frames beyond the cap may be cut");
    let mut written = again.records();
    for record in &known {
        let back = written.next().expect("as many records").expect("well formed");
        match (record, back) {
            (Record::Frames(frames), Record::Frames(back)) => assert!(frames.take(MAX_FRAMES).eq(back)),
            (Record::LanguageStack(stack), Record::LanguageStack(back)) => {
                assert_eq!(stack.language, back.language);
                assert!(stack.packed.starts_with(back.packed), "cut at the far end");
                assert!(stack.frames().eq(back.frames()), "whole frames only");
            }
            // A language without lines is none.
            (Record::Lineage(link), Record::Lineage(back)) if link.line.packed.is_empty() => {
                assert_eq!(Lineage { line: LanguageStack::NONE, ..*link }, back);
            }
            (record, back) => assert_eq!(*record, back),
        }
    }
    assert!(written.next().is_none());
    length
}

/// Writes a record as it was read.
fn write(encoder: &mut Encoder<'_>, record: &Record<'_>) {
    match *record {
        Record::Path(bytes) => encoder.string(types::PATH, bytes),
        Record::Name(bytes) => encoder.string(types::NAME, bytes),
        Record::Program(bytes) => encoder.string(types::PROGRAM, bytes),
        Record::Executable(bytes) => encoder.string(types::EXECUTABLE, bytes),
        Record::PulledInBy(bytes) => encoder.string(types::PULLED_IN_BY, bytes),
        Record::ShimVersion(bytes) => encoder.string(types::SHIM_VERSION, bytes),
        Record::FileBytes(number) => encoder.number(types::FILE_BYTES, number),
        Record::Usage(usage) => encoder.usage(usage),
        Record::Duration(number) => encoder.number(types::DURATION, number),
        Record::Code(code) => encoder.code(code),
        Record::Lineage(link) => encoder.lineage(&link),
        Record::Module(module) => assert!(encoder.module(&module)),
        Record::Frames(frames) => {
            encoder.frames(frames);
        }
        Record::LanguageStack(stack) => encoder.language_stack(&stack, usize::MAX),
        Record::Interpreter { language, no_lines, version } => {
            let language = language.expect("others were left out");
            encoder.interpreter(language, NoLines::from_byte(no_lines), version);
        }
        Record::NotSent { reason, count } => encoder.not_sent(reason, count),
        Record::Search { probes } => encoder.search(probes),
        Record::Field { key, value } => encoder.field(key, value),
        other => panic!("{other:?} is known to the decoder and not to this test"),
    }
}

/// Escaping the decoded bytes and decoding them again gives the same bytes.
fn escapes_back(column: text::Escaped<'_>) {
    let plain: Vec<u8> = column.decoded().collect();
    let mut escaped = vec![0; plain.len() * 3];
    let length = text::escape(&plain, &mut escaped).expect("three times the input suffices");
    let mut line = b"alive1\tping\tname=".to_vec();
    line.extend_from_slice(&escaped[..length]);
    let Ok(Datagram::Text(mut lines)) = Datagram::new(&line) else { panic!("text that is none") };
    match lines.next() {
        Some(Ok(ping)) => assert!(ping.get(b"name").expect("it has one").decoded().eq(plain)),
        other => assert!(plain.is_empty(), "{plain:?} came back as {other:?}"),
    }
}
