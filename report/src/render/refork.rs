//! Readiness to fork anew, in words, as a row of bars, and for programs.

use serde::Serialize;

use crate::findings::ProgramReport;
use crate::readiness::{self, Readiness};
use crate::render::time;
use crate::render::units::{bytes, count};

/// One line for each role that loads late: its rate, then since when nothing is new and what a fork now
/// would share. Empty when the report's end is not known.
pub(crate) fn lines(program: &ProgramReport, until_micros: u64) -> Vec<String> {
    let line = |(index, role): (usize, &crate::role::Role)| {
        let readiness = readiness::of_role(program, index, until_micros)?;
        Some(format!("{} {} {}", role.id, bars(&readiness.rate), sentence(&readiness)))
    };
    program.roles.iter().enumerate().filter_map(line).collect()
}

/// Since when nothing is new, and what that means.
pub(crate) fn sentence(readiness: &Readiness) -> String {
    let shares =
        format!("a fork now would share {} ({})", count(readiness.files, "file"), bytes(readiness.bytes));
    let quiet = duration(readiness.quiet_micros);
    let since = clock(readiness.last_new_micros);
    if readiness.is_settled() {
        format!("nothing new since {since} ({quiet}): {shares}")
    } else {
        format!("still loading, last at {since} ({quiet} ago); {shares}")
    }
}

/// Bars of eight heights; a space where nothing was new. Heights are relative to the busiest part, and
/// whatever is not nothing is seen.
fn bars(rate: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = u128::from(rate.iter().copied().max().unwrap_or(0).max(1));
    let bar = |&files: &u64| match files {
        0 => '·',
        _ => {
            let height = (u128::from(files) * BARS.len() as u128).div_ceil(most);
            BARS[usize::try_from(height).unwrap_or(BARS.len()).clamp(1, BARS.len()) - 1]
        }
    };
    rate.iter().map(bar).collect()
}

/// `40 s`, `14 min`, `3 h`, `2 d`.
fn duration(micros: u64) -> String {
    match micros / 1_000_000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `2026-01-01 12:00:00 UTC`.
fn clock(micros: u64) -> String {
    let text = time(micros);
    let second = text.split('.').next().unwrap_or_default();
    format!("{} UTC", second.replace('T', " "))
}

/// Readiness, for programs.
#[derive(Serialize)]
pub(crate) struct Document {
    settled: bool,
    first_new: String,
    last_new: String,
    quiet_micros: u64,
    files: u64,
    bytes: u64,
    rate: Vec<u64>,
    sentence: String,
}

/// How far a role has come, where that is known.
pub(crate) fn document(program: &ProgramReport, role: usize, until_micros: u64) -> Option<Document> {
    let readiness = readiness::of_role(program, role, until_micros)?;
    Some(Document {
        settled: readiness.is_settled(),
        first_new: time(readiness.first_new_micros),
        last_new: time(readiness.last_new_micros),
        quiet_micros: readiness.quiet_micros,
        files: readiness.files,
        bytes: readiness.bytes,
        sentence: sentence(&readiness),
        rate: readiness.rate,
    })
}

#[cfg(test)]
mod tests {
    use super::{bars, duration, sentence};
    use crate::readiness::Readiness;

    #[test]
    fn bars_are_as_high_as_the_busiest_and_a_single_file_is_seen() {
        assert_eq!(bars(&[800, 0, 1, 400, 100]), "█·▁▄▁");
        assert_eq!(bars(&[0, 0]), "··");
        assert_eq!(bars(&[u64::MAX, 1]), "█▁");
    }

    #[test]
    fn durations_have_one_unit() {
        let seconds = |seconds: u64| duration(seconds * 1_000_000);
        assert_eq!(
            [5, 119, 120, 7_199, 7_200, 172_800].map(seconds),
            ["5 s", "119 s", "2 min", "119 min", "2 h", "2 d"]
        );
    }

    #[test]
    fn the_sentence_says_whether_it_is_time() {
        let mut readiness = Readiness {
            files: 2,
            bytes: 2_048,
            first_new_micros: 1_767_268_800_000_000,
            last_new_micros: 1_767_268_860_000_000,
            quiet_micros: 840_000_000,
            rate: vec![2],
        };
        assert_eq!(
            sentence(&readiness),
            "nothing new since 2026-01-01 12:01:00 UTC (14 min): a fork now would share 2 files (2.0 KiB)"
        );
        readiness.quiet_micros = 3_000_000;
        assert!(sentence(&readiness).starts_with("still loading, last at 2026-01-01 12:01:00 UTC (3 s ago)"));
    }
}
