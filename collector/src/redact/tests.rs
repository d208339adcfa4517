//! What is taken out, from which words, and what stays.

use alive_store::model::LanguageFrame;
use alive_wire::record::{Lineage, Module};
use alive_wire::{Bystanders, Encoder, Header, Kind, Language, LanguageStack, LineWriter, MAX_SENT, Record};
use proptest::prelude::*;

use super::*;
use crate::rewrite::tests::{found, nearly};
use crate::unpack;

fn redact(patterns: &[&str]) -> Redact {
    Redact::new(patterns.iter().map(|pattern| Redact::pattern(pattern).unwrap()).collect())
}

fn redactor(patterns: &[&str]) -> Redactor {
    Redactor::new(Arc::new(redact(patterns)))
}

#[track_caller]
fn assert_becomes(patterns: &[&str], words: &str, expected: &str) {
    let redacted = redact(patterns).apply(words.as_bytes()).unwrap_or_else(|| words.as_bytes().to_vec());
    assert_eq!(String::from_utf8(redacted).unwrap(), expected, "{patterns:?}");
}

#[test]
fn a_match_is_replaced_and_the_rest_stays() {
    assert_becomes(&["/home/[^/]+"], "/home/ann/lib/a.pm", "[redacted]/lib/a.pm");
    assert_becomes(&["[0-9]{4,}"], "/t/1234/56/78901.pm", "/t/[redacted]/56/[redacted].pm");
    assert_becomes(&["no"], "/a.pm", "/a.pm");
    assert_becomes(&[], "/a.pm", "/a.pm");
    assert_becomes(&["x*"], "/axxb.pm", "/a[redacted]b.pm");
}

#[test]
fn of_a_pattern_with_groups_only_their_part_is_replaced() {
    assert_becomes(&["/home/([^/]+)/"], "/home/ann/lib/a.pm", "/home/[redacted]/lib/a.pm");
    assert_becomes(&["(a)(b)|c"], "/abxc", "/[redacted][redacted]x[redacted]");
    assert_becomes(&["u=((.)[a-z]+)"], "/u=ann", "/u=[redacted]");
}

#[test]
fn patterns_come_one_after_the_other() {
    assert_becomes(&["/home/([^/]+)", "s[0-9]+"], "/home/s1/s2", "/home/[redacted]/[redacted]");
    assert_becomes(&["a", r"\[redacted\]b"], "ab", "[redacted]");
}

#[test]
fn bytes_that_are_no_text_and_line_feeds_hide_nothing() {
    let words = b"/home/\xff\nann/a.pm";
    assert_eq!(redact(&["/home/([^/]+)"]).apply(words).unwrap(), b"/home/[redacted]/a.pm");
    assert_eq!(redact(&["/home/.*"]).apply(words).unwrap(), b"[redacted]");
    assert_eq!(redact(&["é"]).apply("/é".as_bytes()).unwrap(), b"/[redacted]");
}

#[test]
fn a_pattern_that_is_none_is_named_with_the_reason() {
    let words = Redact::pattern("a(b").unwrap_err();
    assert_eq!(words, "the pattern `a(b` is not understood: unclosed group");
    assert!(Redact::pattern(r"\p{Greek}").unwrap_err().contains("is not understood"));
    assert!(Redact::pattern("(x{1000}){1000}{1000}").unwrap_err().contains("is not understood"));
}

/// An event that has every word there can be, each with `word` in it.
fn wordy(word: &str) -> Vec<u8> {
    let bytes = word.as_bytes();
    let header = Header {
        kind: Ok(Kind::Ping),
        flags: 0,
        pid: 7,
        ppid: 1,
        root_pid: 7,
        root_start_micros: 1,
        sequence: 1,
        monotonic_nanos: 1,
        node: 1,
        depth: 1,
    };
    let mut buffer = [0; MAX_SENT];
    let mut encoder = Encoder::new(&mut buffer, header).unwrap();
    for kind in [types::PATH, types::NAME, types::PROGRAM, types::EXECUTABLE, types::PULLED_IN_BY] {
        encoder.string(kind, bytes);
    }
    encoder.module(&Module { build_id: b"\x01\x02", path: bytes });
    encoder.field(b"file", bytes);
    encoder.field(b"line", b"42");
    let mut lines = [0; 500];
    let mut writer = LineWriter::new(&mut lines, 8);
    assert!(writer.push(7, bytes, b"f") && writer.push(8, format!("{word}/b").as_bytes(), bytes));
    let length = writer.len();
    let line = LanguageStack { language: Some(Language::Perl), packed: &lines[..length] };
    encoder.lineage(&Lineage {
        role: 1,
        forks: 2,
        ordinal: 3,
        forker_pid: 4,
        module: 0,
        offset: 5,
        fork_nanos: 6,
        resident_kib: 7,
        line,
    });
    encoder.language_stack(&line, MAX_SENT);
    encoder.bystanders(&Bystanders {
        role: 1,
        threads: 2,
        sockets: 3,
        bits: 0,
        most_threads: 2,
        most_sockets: 3,
        names: &[b"main\0", bytes, b"\0gc"].concat(),
    });
    let length = encoder.finish();
    buffer[..length].to_vec()
}

#[test]
fn every_word_of_an_event_is_looked_at_and_nothing_else_changes() {
    let mut redactor = redactor(&["secret-[a-z]+"]);
    // Twice: what is remembered is redacted likewise.
    for _ in 0..2 {
        assert_eq!(found(redactor.datagram(&wordy("/secret-ann/x"))), found(&wordy("/[redacted]/x")));
        assert_eq!(redactor.datagram(&wordy("/plain/x")), wordy("/plain/x"));
    }
    // Two names become one.
    let one = redactor.datagram(&wordy("/secret-ann/x")).to_vec();
    assert_eq!(redactor.datagram(&wordy("/secret-bob/x")), one);
}

#[test]
fn the_lines_of_a_stack_are_redacted_as_whole_names() {
    // On the wire the second file shares the beginning of the first, and the secret with it.
    let datagram = wordy("/home/ann");
    let mut redactor = redactor(&["^/home/[^/]+"]);
    let Ok(Datagram::Binary(mut events)) = Datagram::new(redactor.datagram(&datagram)) else { panic!() };
    let event = events.next().unwrap().unwrap();
    let stacks: Vec<Vec<LanguageFrame>> = event
        .records()
        .filter_map(|record| match record.unwrap() {
            Record::LanguageStack(stack) => Some(unpack::frames(stack)),
            Record::Lineage(link) => Some(unpack::frames(link.line)),
            _ => None,
        })
        .collect();
    assert_eq!(stacks.len(), 2);
    for frames in stacks {
        let words: Vec<_> = frames.iter().map(|frame| (&frame.file[..], &frame.function[..])).collect();
        assert_eq!(words, [(&b"[redacted]"[..], &b"f"[..]), (b"[redacted]/b", b"[redacted]")]);
    }
}

#[test]
fn a_line_of_text_keeps_its_numbers() {
    let mut redactor = redactor(&["[0-9]+", "(?i)TOKEN"]);
    let line = b"alive1\tping\tname=a%3D7\tline=42\tpid=7\ttime=1.5\torder=17 token%09x\nalive9\tx\nwords\n";
    let redacted = redactor.datagram(line).to_vec();
    assert_eq!(
        String::from_utf8(redacted).unwrap(),
        "alive1\tping\tname=a%3D[redacted]\tline=42\tpid=7\ttime=1.5\torder=[redacted]%20[redacted]%09x\n\
         alive9\t\nalive1\t\n"
    );
}

proptest! {
    #[test]
    fn no_datagram_is_too_odd_and_as_many_events_come_out(datagram in nearly()) {
        for patterns in [&["no such words"][..], &["(?s)."], &["[a-f]+", "^."]] {
            let mut redactor = redactor(patterns);
            let redacted = redactor.datagram(&datagram);
            let read = |datagram: &[u8]| found(datagram).iter().map(Result::is_ok).collect::<Vec<_>>();
            prop_assert_eq!(read(redacted).len(), read(&datagram).len());
        }
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut words = Words { redact: Arc::new(redact(&["x"])), known: HashMap::new(), bytes: 0 };
    for number in 0..10_000 {
        let name = format!("{number}{}", "y".repeat(1_000));
        assert_eq!(words.redacted(name.as_bytes()), name.as_bytes());
    }
    let held: usize = words.known.keys().map(Vec::len).sum();
    assert!(held <= MAX_KNOWN + 1_010, "{held} bytes");
}
