//! Reading one event, all its records and frames, as the collector's receive thread does.

use std::hint::black_box;
use std::time::Instant;

use alive_wire::Datagram;
use alive_wire::record::Record;

use super::open_loop::line;
use crate::bench::Bench;
use crate::measure::Turns;
use crate::sample::{load, load_with_lines, ping};
use crate::table::Line;

/// Events in a block.
const COUNT: u32 = 20_000;

pub(crate) fn measure(bench: &Bench) -> Vec<Line> {
    let samples: [(&str, Vec<u8>); 3] = [
        ("a load: path, code, 2 lineages, 4 modules, 14 frames", load(0, 0)),
        ("the same with four lines of Perl", load_with_lines(0, 0)),
        ("a ping as text: name, file, line, pid", ping(0)),
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
                        Record::FileBytes(number) => number,
                        Record::Usage(usage) => usage.cpu_nanos.wrapping_add(usage.faults),
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

#[cfg(test)]
mod tests {
    use super::read;
    use crate::sample::load;

    #[test]
    fn the_sample_is_read_to_its_last_frame() {
        let whole = load(0, 0);
        assert!(whole.len() > 200, "{} bytes", whole.len());
        let mut changed = whole.clone();
        if let Some(last) = changed.last_mut() {
            *last ^= 1;
        }
        assert_ne!(read(&whole), read(&changed));
    }
}
