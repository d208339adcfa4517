//! Reading one event, all its records and frames, as the collector's receive thread does.

use std::hint::black_box;
use std::time::Instant;

use alive_wire::record::{Code, Frame, Lineage, Module, Record, types};
use alive_wire::{CodeKind, Datagram, Encoder, Header, Kind, Language, MAX_SENT, Outcome, Via};

use super::open_loop::line;
use crate::bench::Bench;
use crate::measure::Turns;
use crate::table::Line;

/// Events in a block.
const COUNT: u32 = 20_000;

/// A datagram to read, as a line of the table calls it.
type Sample = (&'static str, Vec<u8>);

pub(crate) fn measure(bench: &Bench) -> Vec<Line> {
    let samples: [Sample; 2] = [
        ("a load: path, code, 2 lineages, 4 modules, 14 frames", load()),
        (
            "a ping as text: name, file, line",
            b"alive1\tping\tname=checkout.legacy\tfile=cart.pl\tline=42\n".to_vec(),
        ),
    ];
    let mut turns = Turns::new();
    let Ok(()) = turns.take(samples.len(), bench.effort.rounds * bench.effort.turns, |variant| {
        let (_, bytes) = &samples[variant];
        let begin = Instant::now();
        for _ in 0..COUNT {
            black_box(read(black_box(bytes)));
        }
        Ok::<_, std::convert::Infallible>(begin.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT))
    });
    samples
        .iter()
        .enumerate()
        .map(|(variant, (what, bytes))| {
            let what = format!("{what}; {} bytes", bytes.len());
            line("decode", &what, &turns, variant, variant, None)
        })
        .collect()
}

/// Touches every byte that carries something; the sum keeps the compiler from leaving any out.
fn read(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    match Datagram::new(bytes) {
        Ok(Datagram::Binary(events)) => {
            for event in events.flatten() {
                sum = sum.wrapping_add(event.header.sequence);
                for record in event.records().flatten() {
                    sum = sum.wrapping_add(match record {
                        Record::Frames(frames) => frames.map(|frame| frame.offset).fold(0, u64::wrapping_add),
                        Record::Lineage(link) => link.offset,
                        Record::Path(path) => path.len() as u64,
                        Record::Module(module) => module.path.len() as u64,
                        Record::FileBytes(number) | Record::MinorFaults(number) => number,
                        _ => 1,
                    });
                }
            }
        }
        Ok(Datagram::Text(lines)) => {
            for ping in lines.flatten() {
                for (_, value) in ping.columns().flatten() {
                    sum = value.decoded().map(u64::from).fold(sum, u64::wrapping_add);
                }
            }
        }
        Err(_) => {}
    }
    sum
}

/// A load as a worker of a Perl daemon sends it.
fn load() -> Vec<u8> {
    let header = Header {
        kind: Ok(Kind::Load),
        flags: 0,
        pid: 4242,
        ppid: 4241,
        root_pid: 4240,
        root_start_micros: 1_700_000_000_123_456,
        sequence: 7,
        monotonic_nanos: 123_456_789_012_345,
        node: 3,
        depth: 2,
    };
    let code = Code {
        kind: Some(CodeKind::Module),
        language: Some(Language::Perl),
        outcome: Some(Outcome::Loaded),
        via: Some(Via::Open),
    };
    let link = Lineage { role: 1, forks: 8, ordinal: 3, forker_pid: 4240, module: 0, offset: 0x1234 };
    let mut buf = [0; MAX_SENT];
    let Some(mut encoder) = Encoder::new(&mut buf, header) else { return Vec::new() };
    encoder.string(types::PATH, b"/usr/share/perl5/Mail/SpamAssassin/Plugin/Check.pm");
    encoder.code(code);
    encoder.number(types::FILE_BYTES, 40_960);
    encoder.number(types::MINOR_FAULTS, 1234);
    encoder.lineage(&link);
    encoder.lineage(&Lineage { role: 2, ..link });
    for path in
        ["/usr/bin/perl", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/perl/POSIX.so", "/usr/lib/libx.so"]
    {
        encoder.module(&Module { build_id: &[0x5a; 20], path: path.as_bytes() });
    }
    encoder.frames((0..14u8).map(|at| Frame { module: at % 4, offset: 0x1_2345 + u64::from(at) * 0x777 }));
    let length = encoder.finish();
    buf[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::{load, read};

    #[test]
    fn the_sample_is_read_to_its_last_frame() {
        let whole = load();
        assert!(whole.len() > 200, "{} bytes", whole.len());
        let mut changed = whole.clone();
        if let Some(last) = changed.last_mut() {
            *last ^= 1;
        }
        assert_ne!(read(&whole), read(&changed));
    }
}
