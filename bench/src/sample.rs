//! Datagrams as a Perl daemon's workers send them, for the rows that read them.

use alive_wire::record::{Code, Frame, Lineage, Module, Usage, types};
use alive_wire::{CodeKind, Encoder, Header, Kind, Language, LanguageStack, MAX_SENT, Outcome, Via};

/// Workers of the daemon.
const WORKERS: u32 = 8;

/// Load number `sequence` of the daemon's tree, from 1, of the file number `file`.
///
/// The workers take turns. The path, four modules and 14 frames make about 430 bytes.
pub(crate) fn load(sequence: u64, file: u32) -> Vec<u8> {
    let worker = u32::try_from(sequence % u64::from(WORKERS)).map_or(1, |turn| turn + 1);
    let header = Header {
        kind: Ok(Kind::Load),
        flags: 0,
        pid: 4240 + worker,
        ppid: 4240,
        root_pid: 4240,
        root_start_micros: 1_700_000_000_123_456,
        sequence,
        monotonic_nanos: 123_456_789_012_345 + sequence,
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
    let usage = Usage { faults: 1234 + sequence, thread: header.pid, cpu_nanos: 1_000_000 * sequence };
    encoder.usage(usage);
    encoder.lineage(&master);
    encoder.lineage(&worker);
    for path in ["/usr/bin/perl", "/usr/lib/libc.so.6", "/usr/lib/perl/POSIX.so", "/usr/lib/perl/Socket.so"] {
        encoder.module(&Module { build_id: &[0x5a; 20], path: path.as_bytes() });
    }
    encoder.frames((0..14u8).map(|at| Frame { module: at % 4, offset: 0x1_2345 + u64::from(at) * 0x777 }));
    let length = encoder.finish();
    buf[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::load;
    use alive_wire::Datagram;

    #[test]
    fn a_sample_is_one_whole_event() {
        let bytes = load(1, 7);
        let Ok(Datagram::Binary(events)) = Datagram::new(&bytes) else { panic!("not ALV1") };
        let events: Vec<_> = events.collect();
        let [Ok(event)] = events[..] else { panic!("{events:?}") };
        assert_eq!(event.header.flags, 0, "nothing was cut");
        assert_eq!(event.records().filter(Result::is_ok).count(), 11);
    }
}
