//! The report as one page that needs nothing but a browser: no network, no other file.
//!
//! The server's side writes what a person must see first, and a table of the findings, so that the page
//! tells its story without scripts and on paper: [`program`] the summary and the table, [`roles`] the tree of
//! forks, [`timeline`] when what was loaded. The scripts (`js/`) read the report's own JSON document, which
//! [`data`] puts into the page, and make the table sortable and the picture of causes. All of it is read
//! through [`view`], which takes a key that is not there for nothing.
//!
//! Names chosen by a traced program pass [`escape::html`] or [`escape::ScriptText`]; the scripts write text
//! nodes only. Should either fail, the page's policy lets no script and no style run but its own, by digest.

mod data;
mod program;
mod roles;
mod timeline;
mod view;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::CompactFormatter;
use sha2::{Digest as _, Sha256};

use crate::escape::{self, AsciiControls, ScriptText};
use crate::findings::Report;
use crate::render::{json, loss, summary, units};

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// What the page does, in the order of its parts.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("js/model.js"),
    include_str!("js/words.js"),
    include_str!("js/icicle.js"),
    include_str!("js/detail.js"),
    include_str!("js/table.js"),
    include_str!("js/page.js"),
    "})();\n",
);

/// Findings and files that the page holds at most; a browser takes no pleasure in a million rows.
const MOST_FILES: usize = 20_000;

/// Writes the page.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut document = json::document(report);
    let left_out = data::pack(&mut document, MOST_FILES);
    let sentences: Vec<String> = report.programs.iter().map(summary::sentence).collect();
    let told: Vec<(&Value, &str)> = view::list(&document, "programs")
        .iter()
        .zip(&sentences)
        .map(|(value, text)| (value, &**text))
        .collect();
    let (forked, quiet): (Vec<_>, Vec<_>) = told.into_iter().partition(|(program, _)| view::is_told(program));

    head(&forked, out)?;
    out.write_all(b"<main id=\"main\">\n")?;
    if report.is_floor() {
        floor(report, out)?;
    }
    if let Some(sentence) = loss::dropped(report) {
        writeln!(out, "<aside class=\"floor\">{}</aside>", escape::html(sentence.as_bytes()))?;
    }
    for (index, (program, sentence)) in forked.iter().enumerate() {
        program::section(index, program, sentence, out)?;
    }
    if forked.is_empty() {
        out.write_all(b"<p class=\"lead\">No program was seen to fork, so nothing was loaded late.</p>\n")?;
    }
    out.write_all(b"</main>\n")?;
    foot(&document, &quiet, left_out, out)?;
    out.write_all(b"<script type=\"application/json\" id=\"report\">")?;
    let formatter = AsciiControls(CompactFormatter);
    let mut serializer = serde_json::Serializer::with_formatter(ScriptText(&mut *out), formatter);
    document.serialize(&mut serializer)?;
    write!(out, "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

fn head(programs: &[(&Value, &str)], out: &mut dyn Write) -> io::Result<()> {
    let labels: Vec<String> =
        programs.iter().map(|(program, _)| escape::html(view::text(program, "program").as_bytes())).collect();
    let title = if labels.is_empty() { "no program".to_owned() } else { labels.join(", ") };
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; \
         script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}: what is loaded after the fork</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
         <header class=\"bar\"><span class=\"brand\">alive</span><nav aria-label=\"Programs\">",
        digest(STYLE),
        digest(SCRIPT),
    )?;
    if labels.len() > 1 {
        for (index, label) in labels.iter().enumerate() {
            write!(out, "<a href=\"#program-{index}\">{label}</a>")?;
        }
    }
    out.write_all(b"</nav><button type=\"button\" id=\"theme\" hidden>Dark</button></header>\n")
}

/// What the page's policy knows a style or a script by.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
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
    document: &Value,
    quiet: &[(&Value, &str)],
    left_out: data::LeftOut,
    out: &mut dyn Write,
) -> io::Result<()> {
    let thresholds = document.get("thresholds").unwrap_or(&Value::Null);
    write!(
        out,
        "<footer><p>Preload: what at least {} and {} % of a role's processes load, or what takes {}. \
         A load that another one brought stands under it.</p>",
        view::number(thresholds, "min_processes"),
        view::number(thresholds, "min_share_percent"),
        units::micros(view::number(thresholds, "slow_micros")),
    )?;
    if let Some(since) = document.get("since").and_then(Value::as_str) {
        let since = escape::html(since.as_bytes());
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
        let labels: Vec<String> = quiet
            .iter()
            .map(|(program, _)| escape::html(view::text(program, "program").as_bytes()))
            .collect();
        write!(out, "<p>Never seen to fork: {}.</p>", labels.join(", "))?;
    }
    writeln!(out, "<p>alive {}</p></footer>", env!("CARGO_PKG_VERSION"))
}
