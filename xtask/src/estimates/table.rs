//! The table: what was measured, what the report says, and by how much they differ.

use std::fmt::Write as _;

use super::roots::Root;
use super::worker::Spent;

/// One root.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) root: &'static Root,
    pub(super) measured: Spent,
    pub(super) told: Spent,
}

/// The median of each figure by itself.
pub(super) fn median(all: &[Spent]) -> Spent {
    let of = |figure: fn(&Spent) -> u64| {
        let mut figures: Vec<u64> = all.iter().map(figure).collect();
        figures.sort_unstable();
        figures.get(figures.len() / 2).copied().unwrap_or(0)
    };
    Spent {
        micros: of(|spent| spent.micros),
        cpu_micros: of(|spent| spent.cpu_micros),
        faults: of(|spent| spent.faults),
        private_kib: of(|spent| spent.private_kib),
        files: of(|spent| spent.files),
    }
}

/// By how many per cent of what was measured the report differs.
fn error(measured: u64, told: u64) -> Option<i64> {
    // A report that knows nothing of a figure has 0.
    let (measured, told) =
        (i64::try_from(measured).ok()?, i64::try_from(told).ok().filter(|told| *told > 0)?);
    told.checked_sub(measured)?.checked_mul(100)?.checked_div(measured)
}

/// A title and what stands below it.
type Figure = (&'static str, fn(&Spent) -> u64);

/// The table in Markdown, with the median of the errors.
pub(super) fn rendered(lines: &[Line]) -> String {
    const FIGURES: [Figure; 3] = [
        ("time, us", |spent| spent.micros),
        ("CPU, us", |spent| spent.cpu_micros),
        ("private, KiB", |spent| spent.private_kib),
    ];
    let mut out = String::from("| root | files |");
    for (title, _) in FIGURES {
        _ = write!(out, " {title}: measured | estimated | error |");
    }
    out.push_str("\n|---|---:|");
    out.push_str(&"---:|".repeat(FIGURES.len() * 3));
    for line in lines {
        _ = write!(out, "\n| {} {} | {} |", line.root.interpreter, line.root.what, line.told.files);
        for (_, figure) in FIGURES {
            let (measured, told) = (figure(&line.measured), figure(&line.told));
            let error = error(measured, told).map_or("-".to_owned(), |error| format!("{error:+} %"));
            _ = write!(out, " {measured} | {told} | {error} |");
        }
    }
    out.push_str("\n\n");
    for (title, figure) in FIGURES {
        let mut errors: Vec<u64> = lines
            .iter()
            .filter_map(|line| error(figure(&line.measured), figure(&line.told)))
            .map(i64::unsigned_abs)
            .collect();
        errors.sort_unstable();
        let (Some(middle), Some(worst)) = (errors.get(errors.len() / 2), errors.last()) else { continue };
        _ = writeln!(out, "{title}: median error {middle} %, largest {worst} %, of {} roots", errors.len());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimates::roots::ROOTS;

    fn spent(figure: u64) -> Spent {
        Spent { micros: figure, cpu_micros: figure, faults: figure, private_kib: figure, files: 2 }
    }

    #[test]
    fn errors_are_per_cent_of_what_was_measured() {
        assert_eq!(error(200, 150), Some(-25));
        assert_eq!(error(200, 230), Some(15));
        assert_eq!(error(0, 5), None);
        assert_eq!(error(5, 0), None, "nothing is told");
        assert_eq!(error(u64::MAX, 5), None);
        assert_eq!(error(1, u64::MAX / 2), None);
    }

    #[test]
    fn the_median_is_of_each_figure() {
        assert_eq!(median(&[spent(9), spent(1), spent(5)]), spent(5));
        assert_eq!(median(&[]), Spent::default());
    }

    #[test]
    fn each_root_has_its_line_and_all_have_a_median() {
        let line = |index: usize, told| Line { root: &ROOTS[index], measured: spent(100), told: spent(told) };
        let table = rendered(&[line(0, 90), line(1, 130), line(2, 100)]);
        assert!(table.contains("| python3 json | 2 | 100 | 90 | -10 % |"), "{table}");
        assert!(table.contains("CPU, us: median error 10 %, largest 30 %, of 3 roots"), "{table}");
    }
}
