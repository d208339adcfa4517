//! The report as one page that needs nothing but a browser: no network, no other file.
//!
//! The server's side writes what a person must see first, and a table of the findings, so that the page
//! tells its story without scripts and on paper: [`program`] the summary and the table, [`roles`] the tree of
//! forks, [`timeline`] when what was loaded, [`taps`] which code said that it is alive. The scripts (`js/`) read the report's own JSON document, of
//! which the page holds what [`data`] leaves, every frame once; they make the table sortable and the picture of
//! causes. What the parts have in common is in [`view`].
//!
//! A collector serves the same page [`live`]: one more script (`js/live.js`) asks for the page again and again, and
//! puts what is new in its place.
//!
//! Names chosen by a traced program pass [`escape::html`] or [`escape::ScriptText`]; the scripts write text
//! nodes only. Should either fail, the page's policy lets no script and no style run but its own, by digest.

mod data;
mod dress;
pub mod live;
mod program;
mod roles;
mod taps;
mod timeline;
mod view;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::CompactFormatter;

use crate::escape::{self, AsciiControls, ScriptText};
use crate::findings::Report;
use crate::render::json::object::text;
use crate::render::json::{Document, Frames, Part};
use crate::render::{loss, next, summary, time, units};
use dress::Dress;

/// Findings and files that the page holds at most; a browser takes no pleasure in a million rows.
const MOST_FILES: usize = 20_000;

/// Writes the page.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    page(report, &dress::STILL, "", out)
}

/// Writes the page in its dress; `beginning` is HTML for who has no program to look at yet.
fn page(report: &Report, dress: &Dress, beginning: &str, out: &mut dyn Write) -> io::Result<()> {
    let (parts, left_out) = data::cut(report, MOST_FILES);
    let words = parts.iter().map(|part| Words {
        sentence: summary::sentence(part.program),
        list: next::list(report, part.program),
    });
    let told: Vec<(&Part<'_>, Words)> = parts.iter().zip(words).collect();
    let (forked, quiet): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|(part, _)| view::is_told(part.program));

    let labels: Vec<&[u8]> = forked.iter().map(|(part, _)| part.program.label.as_slice()).collect();
    head(&labels, taps::link(&report.taps), dress, out)?;
    if report.is_floor() {
        floor(report, out)?;
    }
    if let Some(sentence) = loss::dropped(report) {
        writeln!(out, "<aside class=\"floor dropped\">{}</aside>", escape::html(sentence.as_bytes()))?;
    }
    for (index, (part, words)) in forked.iter().enumerate() {
        program::section(index, part, words, report.until_micros, out)?;
    }
    if forked.is_empty() && report.taps.taps.is_empty() {
        out.write_all(b"<p class=\"lead\">No program was seen to fork, so nothing was loaded late.</p>\n")?;
        out.write_all(beginning.as_bytes())?;
    }
    taps::section(&report.taps, forked.is_empty(), out)?;
    out.write_all(b"</main>\n")?;
    let quiet: Vec<&[u8]> = quiet.iter().map(|(part, _)| part.program.label.as_slice()).collect();
    foot(report, &quiet, left_out, forked.is_empty() && !report.taps.taps.is_empty(), out)?;
    let frames = Frames::of(&parts);
    tail(&Document { report, parts: &parts, frames: Some(&frames) }, dress, out)
}

/// The data and the scripts.
fn tail(document: &impl Serialize, dress: &Dress, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<script type=\"application/json\" id=\"report\">")?;
    let formatter = AsciiControls(CompactFormatter);
    let mut serializer = serde_json::Serializer::with_formatter(ScriptText(&mut *out), formatter);
    document.serialize(&mut serializer)?;
    write!(out, "</script>\n<script>{}</script>\n</body>\n</html>\n", dress.script)
}

/// What is said of a program beside its document.
struct Words {
    /// Its story.
    sentence: String,
    /// The command that writes what to preload as a list.
    list: Option<String>,
}

/// A program's label, as the document that the scripts read has it.
fn label_html(label: &[u8]) -> String {
    escape::html(text(label).as_bytes())
}

/// Everything above the report, with a link to the taps where there are some.
fn head(labels: &[&[u8]], taps: Option<String>, dress: &Dress, out: &mut dyn Write) -> io::Result<()> {
    let labels: Vec<String> = labels.iter().map(|label| label_html(label)).collect();
    let title = match (labels.is_empty(), &taps) {
        (true, Some(_)) => taps::TITLE.to_owned(),
        (true, None) => "no program: what is loaded after the fork".to_owned(),
        (false, _) => format!("{}: what is loaded after the fork", labels.join(", ")),
    };
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
         <header class=\"bar\"><span class=\"brand\">alive</span><nav aria-label=\"Parts\">",
        dress.policy(),
        dress.style,
    )?;
    if labels.len() > 1 {
        for (index, label) in labels.iter().enumerate() {
            write!(out, "<a class=\"program\" href=\"#program-{index}\">{label}</a>")?;
        }
    }
    if let (Some(taps), false) = (taps, labels.is_empty()) {
        out.write_all(taps.as_bytes())?;
    }
    write!(
        out,
        "</nav>{}<button type=\"button\" id=\"theme\" hidden>Dark</button></header>\n<main id=\"main\">\n",
        dress.status,
    )
}

/// What is known to be lost.
fn floor(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"<aside class=\"floor\" aria-label=\"Losses\"><strong>The numbers are a floor.</strong> \
          This is known to be lost:<ul>",
    )?;
    for sentence in loss::sentences(report) {
        write!(out, "<li>{}</li>", escape::html(sentence.as_bytes()))?;
    }
    out.write_all(b"</ul></aside>\n")
}

fn foot(
    report: &Report,
    quiet: &[&[u8]],
    left_out: data::LeftOut,
    only_taps: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let thresholds = report.thresholds;
    out.write_all(b"<footer>")?;
    if !only_taps {
        write!(
            out,
            "<p>Preload: what at least {} and {} % of a role's processes load, or what takes {}. \
         A load that another one brought stands under it.</p>",
            thresholds.min_processes,
            thresholds.min_share_percent,
            units::micros(thresholds.slow_micros),
        )?;
    }
    if let Some(since) = report.since_micros.map(time) {
        write!(out, "<p>Only loads seen since {since}; their sums are over their whole life.</p>")?;
    }
    if left_out.findings + left_out.loads > 0 {
        write!(
            out,
            "<p>Left out of this page, the smallest: {} and the stacks of {}. \
             <code>alive report --format json</code> has them all.</p>",
            units::count(left_out.findings, "finding"),
            units::count(left_out.loads, "load"),
        )?;
    }
    if !quiet.is_empty() {
        let labels: Vec<String> = quiet.iter().map(|label| label_html(label)).collect();
        write!(out, "<p>Never seen to fork: {}.</p>", labels.join(", "))?;
    }
    writeln!(out, "<p>alive {}</p></footer>", env!("CARGO_PKG_VERSION"))
}
