//! Datagrams as a Perl daemon's workers send them, for the rows that read them.

use alive_wire::lines::MAX_LINES;
use alive_wire::record::{Code, Frame, Lineage, Module, Usage, types};
use alive_wire::{
    CodeKind, Encoder, Header, Kind, Language, LanguageStack, LineWriter, MAX_SENT, Outcome, Via,
};

/// Workers of the daemon.
const WORKERS: u32 = 8;

/// The senders' monotonic clock when the first one speaks; each event comes 5 microseconds after the one before.
pub(crate) const MONOTONIC_NANOS: u64 = 123_456_789_012_345;

/// Load number `sequence` of the daemon's tree, from 1, of the file number `file`.
///
/// The workers take turns. The path, four modules and 14 frames make about 430 bytes.
pub(crate) fn load(sequence: u64, file: u32) -> Vec<u8> {
    composed(sequence, file, &[])
}

/// The same with the four lines of Perl that asked, from three files.
pub(crate) fn load_with_lines(sequence: u64, file: u32) -> Vec<u8> {
    let mut packed = [0; MAX_SENT];
    let mut lines = LineWriter::new(&mut packed, MAX_LINES);
    for (line, file, function) in [
        (12, "/usr/share/perl5/Mail/SpamAssassin/PluginHandler.pm", "Mail::SpamAssassin::load_plugin"),
        (88, "/usr/share/perl5/Mail/SpamAssassin/Conf.pm", "Mail::SpamAssassin::Conf::load"),
        (907, "/usr/share/perl5/Mail/SpamAssassin/Conf.pm", "Mail::SpamAssassin::Conf::parse"),
        (2_048, "/usr/sbin/spamd", "main::spawn"),
    ] {
        lines.push(line, file.as_bytes(), function.as_bytes());
    }
    let length = lines.len();
    composed(sequence, file, &packed[..length])
}

/// A hit of one of as many taps as there are numbers, as text.
pub(crate) fn ping(tap: u32) -> Vec<u8> {
    format!("alive1\tping\tname=checkout.legacy{tap}\tfile=cart.pl\tline=42\tpid=4241\n").into_bytes()
}

fn composed(sequence: u64, file: u32, lines: &[u8]) -> Vec<u8> {
    let worker = u32::try_from(sequence % u64::from(WORKERS)).map_or(1, |turn| turn + 1);
    let header = Header {
        kind: Ok(Kind::Load),
        flags: 0,
        pid: 4240 + worker,
        ppid: 4240,
        root_pid: 4240,
        root_start_micros: 1_700_000_000_123_456,
        sequence,
        monotonic_nanos: MONOTONIC_NANOS + sequence * 5_000,
        node: worker,
        depth: 2,
    };
    let code = Code {
        kind: Some(CodeKind::Module),
        language: Some(Language::Perl),
        outcome: Some(Outcome::Loaded),
        via: Some(Via::Open),
    };
    let master = Lineage {
        role: 1,
        forks: 1,
        ordinal: 1,
        forker_pid: 4240,
        module: 0,
        offset: 0x1234,
        fork_nanos: 0,
        resident_kib: 0,
        line: LanguageStack::NONE,
    };
    let worker = Lineage { role: 2, forks: WORKERS, ordinal: worker, ..master };
    let mut buf = [0; MAX_SENT];
    let Some(mut encoder) = Encoder::new(&mut buf, header) else { return Vec::new() };
    encoder.string(
        types::PATH,
        format!("/usr/share/perl5/Mail/SpamAssassin/Plugin/Check{file:03}.pm").as_bytes(),
    );
    encoder.code(code);
    encoder.number(types::FILE_BYTES, 40_960);
    let usage = Usage { faults: 1234 + sequence, thread: header.pid, cpu_nanos: 4_000 * sequence };
    encoder.usage(usage);
    encoder.lineage(&master);
    encoder.lineage(&worker);
    for path in ["/usr/bin/perl", "/usr/lib/libc.so.6", "/usr/lib/perl/POSIX.so", "/usr/lib/perl/Socket.so"] {
        encoder.module(&Module { build_id: &[0x5a; 20], path: path.as_bytes() });
    }
    encoder.language_stack(&LanguageStack { language: Some(Language::Perl), packed: lines }, MAX_SENT);
    encoder.frames((0..14u8).map(|at| Frame { module: at % 4, offset: 0x1_2345 + u64::from(at) * 0x777 }));
    let length = encoder.finish();
    buf[..length].to_vec()
}

/// Makes an event one of the tree with another root.
pub(crate) fn give_to_tree(event: &mut [u8], root_pid: u32) {
    put(event, 20, &root_pid.to_le_bytes());
}

/// Gives an event another number in its tree's sequence.
pub(crate) fn number(event: &mut [u8], sequence: u64) {
    put(event, 32, &sequence.to_le_bytes());
}

/// Overwrites a field of the header, by its place as the documentation of `alive_wire` draws it.
fn put(event: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = event.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}

#[cfg(test)]
mod tests {
    use super::{give_to_tree, load, load_with_lines, number, ping};
    use alive_wire::Datagram;

    #[test]
    fn a_sample_can_be_of_another_tree_and_number() {
        let mut bytes = load(1, 7);
        give_to_tree(&mut bytes, 77);
        number(&mut bytes, 1 << 40);
        let Ok(Datagram::Binary(mut events)) = Datagram::new(&bytes) else { panic!("not ALV1") };
        let header = events.next().unwrap().unwrap().header;
        assert_eq!((header.root_pid, header.sequence, header.pid), (77, 1 << 40, 4242));
    }

    #[test]
    fn a_sample_is_one_whole_event() {
        let bytes = load(1, 7);
        let Ok(Datagram::Binary(events)) = Datagram::new(&bytes) else { panic!("not ALV1") };
        let events: Vec<_> = events.collect();
        let [Ok(event)] = events[..] else { panic!("{events:?}") };
        assert_eq!(event.header.flags, 0, "nothing was cut");
        assert_eq!(event.records().filter(Result::is_ok).count(), 11);
    }

    #[test]
    fn lines_are_one_record_more_and_a_ping_is_a_line() {
        let bytes = load_with_lines(1, 7);
        let Ok(Datagram::Binary(events)) = Datagram::new(&bytes) else { panic!("not ALV1") };
        let records: Vec<_> = events.flatten().flat_map(|event| event.records()).flatten().collect();
        assert_eq!(records.len(), 12);
        let bytes = ping(7);
        let Ok(Datagram::Text(lines)) = Datagram::new(&bytes) else { panic!("no text") };
        assert_eq!(lines.filter(Result::is_ok).count(), 1);
    }
}
