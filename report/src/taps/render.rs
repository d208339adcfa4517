//! Taps for a person; for a program they are written by `json`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::{Silent, Tap, Taps};
use crate::escape;
use crate::render::layout::{HEADING, Medium, Page, URGENT};
use crate::render::units::{count, span};
use crate::render::{loss, moment};

/// Most services or hosts, and most places of an expected tap, that a line names.
const MAX_NAMES: usize = 6;

/// Before a line that belongs to the one above it.
const INDENT: &str = "    ";

/// Writes the taps for a person.
///
/// # Errors
/// Whatever `out` reports.
pub fn table(taps: &Taps, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(medium);
    if taps.taps.is_empty() {
        page.sentence(out, "", &format!("No tap was hit{}.", since(taps)))?;
    } else {
        let places = count(number(taps.taps.len()), "place");
        let text = format!("Taps that were hit{}, at {places}, longest silent first:", since(taps));
        page.sentence(out, "", &text)?;
        for tap in &taps.taps {
            writeln!(out)?;
            one(&page, out, tap, taps.now_micros)?;
        }
    }
    if let Some(silent) = &taps.silent {
        writeln!(out)?;
        never(&page, out, taps, silent)?;
    }
    writeln!(out)?;
    for sentence in evidence(taps) {
        page.sentence(out, "", &sentence)?;
    }
    Ok(())
}

fn one(page: &Page, out: &mut dyn Write, tap: &Tap, now_micros: u64) -> io::Result<()> {
    let mut stands = place(&tap.file, tap.line);
    if !tap.function.is_empty() {
        stands = format!("{stands} in {}", escape::terminal(&tap.function));
    }
    named(page, out, "", &escape::terminal(&tap.name), stands.trim_start())?;
    let silent = page.paint(URGENT, &format!("silent for {}", span(tap.silent_micros(now_micros))));
    let last = format!("{silent}; last hit {}", moment(tap.last_seen_micros));
    match tap.caller.as_slice() {
        [] => page.sentence(out, INDENT, &last)?,
        caller => page.ending(out, INDENT, &format!("{last}, called by"), &escape::terminal(caller))?,
    }
    let processes = match tap.processes {
        0 => String::new(),
        processes => format!(" from {}", count(processes, "process")),
    };
    let mut hits = format!("{}{processes} since {}", count(tap.hits, "hit"), moment(tap.first_seen_micros));
    for (what, names) in [("service", &tap.services), ("host", &tap.hosts)] {
        if !names.is_empty() {
            hits.push_str(&format!("; {what} {}", listed(names)));
        }
    }
    page.sentence(out, INDENT, &hits)?;
    if !tap.context.is_empty() {
        let pairs = tap.context.iter();
        let pairs: Vec<_> = pairs
            .map(|(key, value)| format!("{}={}", escape::terminal(key), escape::terminal(value)))
            .collect();
        page.sentence(out, INDENT, &format!("with {}", pairs.join(" ")))?;
    }
    Ok(())
}

/// A name and a place behind it, or below it where both have no room in a line.
fn named(page: &Page, out: &mut dyn Write, indent: &str, name: &str, place: &str) -> io::Result<()> {
    let painted = page.paint(HEADING, name);
    if place.is_empty() {
        return writeln!(out, "{indent}{painted}");
    }
    if page.has_room(indent.len() + name.width() + 2 + place.width()) {
        return writeln!(out, "{indent}{painted}  {place}");
    }
    writeln!(out, "{indent}{painted}")?;
    writeln!(out, "{indent}{INDENT}{}", page.fitted(place, indent.len() + INDENT.len()))
}

fn never(page: &Page, out: &mut dyn Write, taps: &Taps, silent: &[Silent]) -> io::Result<()> {
    let expected = count(number(taps.expected), "expected tap");
    if silent.is_empty() {
        return page.sentence(out, "", &format!("Every one of {expected} was hit{}.", since(taps)));
    }
    let heading = format!("Never hit{}: {} of {expected}:", since(taps), silent.len());
    page.sentence(out, "", &page.paint(URGENT, &heading))?;
    for tap in silent {
        let shown = tap.places.iter().take(MAX_NAMES).map(|(file, line)| place(file, *line));
        let mut places = shown.collect::<Vec<_>>().join(", ");
        if tap.places.len() > MAX_NAMES {
            places = format!("{places} and {} more", tap.places.len() - MAX_NAMES);
        }
        if let Some(last) = tap.last_seen_micros {
            let last = format!("(last hit {})", moment(last));
            places = if places.is_empty() { last } else { format!("{places}  {last}") };
        }
        named(page, out, INDENT, &escape::terminal(&tap.name), &places)?;
    }
    Ok(())
}

/// How much the lists prove, in sentences.
pub(crate) fn evidence(taps: &Taps) -> Vec<String> {
    let window = &taps.window;
    let mut sentence = format!(
        "A collector listened for {} since {}",
        span(window.listened_micros),
        moment(window.since_micros)
    );
    if window.deaf_micros() > 0 {
        sentence.push_str(&format!("; for {} in between nobody did", span(window.deaf_micros())));
    }
    sentence.push_str(if window.is_open { ", and listens still." } else { ", and does not listen now." });
    let mut sentences = vec![sentence];
    let known = loss::sentences_of(&taps.loss, taps.unclean_ends);
    sentences.push(if known.is_empty() {
        "Nothing is known to be lost in that time.".to_owned()
    } else {
        format!("Known to be lost in that time, so that a hit may be missing: {}.", known.join("; "))
    });
    if taps.odd_clocks > 0 {
        let hits = count(taps.odd_clocks, "hit");
        sentences
            .push(format!("{hits} had a time of its own that cannot be; the time of arrival was taken."));
    }
    if taps.silent.is_some() {
        sentences.push(
            "A hit shows that code is alive. That there is none shows that it did not run in that time, in a \
             process with the tap in it, without ALIVE_OFF, that could reach the collector."
                .to_owned(),
        );
    }
    sentences
}

fn since(taps: &Taps) -> String {
    if taps.since_micros == 0 { String::new() } else { format!(" since {}", moment(taps.since_micros)) }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn place(file: &[u8], line: u32) -> String {
    let file = escape::terminal(file);
    if line == 0 { file } else { format!("{file}:{line}") }
}

fn listed(names: &BTreeSet<Vec<u8>>) -> String {
    let shown =
        names.iter().take(MAX_NAMES).map(|name| escape::terminal(name)).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MAX_NAMES);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Writes the taps for a program: one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn json(taps: &Taps, out: &mut dyn Write) -> io::Result<()> {
    super::json::write(taps, out)
}
