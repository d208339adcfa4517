//! A program's part of the page: what to preload first and what that spares, then the pictures, then every
//! finding in a table.

use std::io::{self, Write};

use super::view::{self, Spared};
use super::{Words, label_html, roles, timeline};
use crate::escape;
use crate::findings::{Finding, ProgramReport, Verdict};
use crate::render::json::Part;
use crate::render::json::object::text;
use crate::render::units::{bytes, count, micros, shorten};
use crate::safety;

/// Findings that a reader is shown first.
const TOP: usize = 3;

/// Columns of a path in a card: its beginning and its end both tell something.
const PATH: usize = 44;

/// Rows that are there without scripts.
const ROWS: usize = 200;

pub(super) fn section(
    index: usize,
    part: &Part<'_>,
    words: &Words,
    until_micros: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let label = label_html(&part.program.label);
    write!(
        out,
        "<section class=\"program\" id=\"program-{index}\" data-program=\"{label}\" aria-labelledby=\"label-{index}\">\n\
         <h1 id=\"label-{index}\">{label}</h1>\n<p class=\"lead\">{}</p>\n",
        with_code(&capital(&escape::html(words.sentence.as_bytes()))),
    )?;
    top(part, words.list.as_deref(), out)?;
    out.write_all(b"<div class=\"pair\">\n")?;
    roles::tree(part, out)?;
    timeline::lanes(part, until_micros, out)?;
    out.write_all(b"</div>\n<section class=\"panel causes\" hidden><h2>What brings what</h2></section>\n")?;
    table(part.findings, out)?;
    out.write_all(b"</section>\n")
}

/// A sentence that stands alone begins with a capital.
fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// What stands between backquotes, set as code; a quote without its fellow stays what it is.
fn with_code(sentence: &str) -> String {
    let mut parts: Vec<&str> = sentence.split('`').collect();
    let lonely = if parts.len().is_multiple_of(2) { parts.pop() } else { None };
    let part = |(index, part): (usize, &&str)| {
        if index % 2 == 1 { format!("<code>{part}</code>") } else { (*part).to_owned() }
    };
    let mut text: String = parts.iter().enumerate().map(part).collect();
    if let Some(lonely) = lonely {
        text.push('`');
        text.push_str(lonely);
    }
    text
}

/// What to preload first, and the command that writes it as a list.
fn top(part: &Part<'_>, list: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let program = part.program;
    let preload: Vec<&Finding> =
        part.findings.iter().filter(|finding| finding.verdict == Verdict::Preload).collect();
    let Some(first) = preload.get(..preload.len().min(TOP)).filter(|first| !first.is_empty()) else {
        return Ok(());
    };
    let sum = |findings: &[&Finding]| {
        findings.iter().map(|finding| Spared::by(program, finding)).fold(Spared::default(), Spared::plus)
    };
    let (spared, all) = (sum(first), sum(&preload));
    let these = match first.len() {
        1 => "Preload this one".to_owned(),
        2 => "Preload these two".to_owned(),
        _ => "Preload these three".to_owned(),
    };
    let gain = if spared.bytes == 0 {
        String::new()
    } else {
        let share = match spared.share_of(all) {
            percent if preload.len() > first.len() => format!(", {percent} % of all that can be"),
            _ => String::new(),
        };
        let about = if first.iter().any(|finding| finding.cost.is_estimate) { "about " } else { "" };
        format!(": {about}{} spared{share}", spared_words(spared))
    };
    write!(out, "<h2 class=\"first\">{these}{gain}</h2>\n<ol class=\"top\">\n")?;
    let notes: Vec<Vec<String>> = first.iter().map(|finding| notes(program, finding)).collect();
    let common = common(&notes);
    for (finding, notes) in first.iter().zip(&notes) {
        card(program, finding, notes.iter().filter(|text| !common.contains(text)), out)?;
    }
    out.write_all(b"</ol>\n")?;
    for text in &common {
        writeln!(out, "<p class=\"caution\">For each of them: {}</p>", escape::html(text.as_bytes()))?;
    }
    let mut more = Vec::new();
    if preload.len() > first.len() {
        let number = (preload.len() - first.len()) as u64;
        let causes = count(number, "further cause");
        more.push(format!("{causes} to preload below; all together spare {}.", spared_words(all)));
    }
    if let Some(command) = list {
        let command = escape::html(command.as_bytes());
        more.push(format!("<code>{command}</code> writes them all as lines to paste."));
    }
    writeln!(out, "<p class=\"more\">{}</p>", more.join(" "))
}

/// What is to be minded where a finding is followed.
fn notes(program: &ProgramReport, finding: &Finding) -> Vec<String> {
    safety::notes(program, finding).iter().map(safety::Note::text).collect()
}

/// What is to be minded of every one of several findings.
fn common(notes: &[Vec<String>]) -> Vec<&String> {
    let Some((first, others)) = notes.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Vec::new();
    };
    first.iter().filter(|text| others.iter().all(|other| other.contains(text))).collect()
}

fn card<'a>(
    program: &ProgramReport,
    finding: &Finding,
    notes: impl Iterator<Item = &'a String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let path = &*text(&finding.what);
    let Finding { workers, of, .. } = finding;
    write!(
        out,
        "<li class=\"card\"><p class=\"what\" title=\"{}\"><b>{}</b><small>{}</small></p>\n\
         <p class=\"gain\">{}<strong>{}</strong> spared</p>\n<p class=\"why\">Loaded by {workers} of {of}",
        escape::html(path.as_bytes()),
        escape::html(view::title(path).as_bytes()),
        escape::html(shorten(path, PATH).as_bytes()),
        if finding.cost.is_estimate { "about " } else { "" },
        spared_words(Spared::by(program, finding)),
    )?;
    match finding.cost.files {
        0 | 1 => out.write_all(b".")?,
        files => write!(out, ", bringing {}.", count(files - 1, "more file"))?,
    }
    if let Some(caller) = finding.caller.as_ref().map(view::caller) {
        let short = escape::html(view::name(&caller).as_bytes());
        write!(out, " Asked for by <code title=\"{}\">{short}</code>.", escape::html(caller.as_bytes()))?;
    }
    out.write_all(b"</p>\n")?;
    for text in notes {
        let text = escape::html(text.as_bytes());
        writeln!(out, "<p class=\"caution\">{text}</p>")?;
    }
    if let Some(role) = program.role_id(finding.load_in) {
        writeln!(out, "<p class=\"do\">Load it in the <b>{}</b></p>", escape::html(role.as_bytes()))?;
    }
    out.write_all(b"</li>\n")
}

/// The most telling figures of what is spared.
fn spared_words(spared: Spared) -> String {
    let size = match spared.private_kib {
        0 => bytes(spared.bytes),
        kib => format!("{} of memory", bytes(kib.saturating_mul(1024))),
    };
    match spared.micros {
        0 => size,
        time => format!("{size} and {}", micros(time)),
    }
}

/// Every finding, as far as a page without scripts goes.
fn table(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<section class=\"panel findings\"><h2>Findings</h2>\n<div class=\"controls\"></div>\n\
          <div class=\"scroll\"><table><thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">What</th>\
          <th scope=\"col\" class=\"n\">Workers</th><th scope=\"col\" class=\"n\">Files</th>\
          <th scope=\"col\" class=\"n\">Size</th><th scope=\"col\" class=\"n\">Time</th></tr></thead>\n<tbody>\n",
    )?;
    for finding in findings.iter().take(ROWS) {
        row(finding, out)?;
    }
    out.write_all(b"</tbody></table></div>\n")?;
    if findings.len() > ROWS {
        let more = count((findings.len() - ROWS) as u64, "more finding");
        writeln!(out, "<p class=\"rest\">{more}: shown where scripts may run.</p>")?;
    }
    out.write_all(b"</section>\n")
}

fn row(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let verdict = finding.verdict.word();
    let dash =
        |number: u64, words: fn(u64) -> String| if number == 0 { "–".to_owned() } else { words(number) };
    let asked = finding.caller.as_ref().map_or_else(String::new, |caller| {
        format!("<small>asked by {}</small>", escape::html(view::caller(caller).as_bytes()))
    });
    writeln!(
        out,
        "<tr><td><span class=\"verdict {verdict}\">{verdict}</span></td><td class=\"what\"><code>{}</code>{asked}</td>\
         <td class=\"n\">{} of {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        escape::html(text(&finding.what).as_bytes()),
        finding.workers,
        finding.of,
        dash(finding.cost.files, |files| files.to_string()),
        dash(finding.cost.bytes, bytes),
        dash(finding.cost.micros, micros),
    )
}

#[cfg(test)]
mod tests {
    use super::with_code;

    #[test]
    fn names_between_backquotes_are_set_as_code() {
        assert_eq!(with_code("preload `a` and `b`."), "preload <code>a</code> and <code>b</code>.");
        assert_eq!(with_code("a lonely ` stays"), "a lonely ` stays");
        assert_eq!(with_code("one `a` and ` more"), "one <code>a</code> and ` more");
    }
}
