//! What is printed: a line for each part as it ends, what differs, and a table at the end.

use std::io::Write;

use super::compare::{Difference, History, Verdict};
use super::suite::{Part, Report, Suite};

/// One line for a part that has been run, and what differs in it.
pub(crate) fn progress(suite: Suite, part: &Part, history: &History) {
    let differences = history.differences();
    let pairs = history.with.len();
    let tests = history.tests().len() - 1;
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: the exit status still tells.
    let _ = writeln!(out, "{suite} {}: {tests} tests, {pairs} pairs, {}", part.name, verdict(&differences));
    for difference in &differences {
        let _ = write!(out, "{}", describe(difference));
    }
    let _ = out.flush();
}

fn verdict(differences: &[Difference]) -> String {
    let count = |verdict| differences.iter().filter(|found| found.verdict == verdict).count();
    match (count(Verdict::Differs), count(Verdict::Flaky)) {
        (0, 0) => "the same".to_owned(),
        (0, flaky) => format!("the same but for {flaky} flaky"),
        (differing, 0) => format!("{differing} differ"),
        (differing, flaky) => format!("{differing} differ, {flaky} flaky"),
    }
}

fn describe(difference: &Difference) -> String {
    let what = match difference.verdict {
        Verdict::Same => "same",
        Verdict::Flaky => "flaky",
        Verdict::Differs => "DIFFERS",
    };
    let Difference { test, without, with, .. } = difference;
    format!("  {what} {test}\n    without: {without}\n    with:    {with}\n")
}

/// Everything that differs once more, and the table.
pub(crate) fn print(reports: &[Report]) {
    println!();
    for report in reports {
        for (part, difference) in &report.differences {
            print!("{} {part}:\n{}", report.suite, describe(difference));
        }
    }
    print!("\n{}", summary(reports));
}

fn summary(reports: &[Report]) -> String {
    let mut text = String::from(
        "| suite | parts | tests | ok throughout | differ | flaky without the shim | programs that forked under the shim | late loads and searches it reported |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for report in reports {
        let (differ, flaky) = (report.count(Verdict::Differs), report.count(Verdict::Flaky));
        let Report { suite, parts, tests, ok, heard, .. } = report;
        text += &format!(
            "| {suite} | {parts} | {tests} | {ok} | {differ} | {flaky} | {} | {} |\n",
            heard.programs, heard.events
        );
    }
    text
}
