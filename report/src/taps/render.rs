//! Taps for a person and for a program. The form of the second is `docs/schema/taps.schema.json`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

use super::{Place, Silent, Tap, Taps};
use crate::escape::{self, AsciiControls};
use crate::render::loss;
use crate::render::time;
use crate::render::units::{count, span, wrap};

/// Columns of a sentence.
const WIDTH: usize = 100;

/// Most services or hosts, and most places of an expected tap, that a line names.
const MAX_NAMES: usize = 6;

/// Writes the taps for a person.
///
/// # Errors
/// Whatever `out` reports.
pub fn table(taps: &Taps, out: &mut dyn Write) -> io::Result<()> {
    if taps.taps.is_empty() {
        writeln!(out, "No tap was hit{}.", since(taps))?;
    } else {
        let places = count(number(taps.taps.len()), "place");
        writeln!(out, "Taps that were hit{}, at {places}, longest silent first:", since(taps))?;
        for tap in &taps.taps {
            writeln!(out)?;
            one(out, tap, taps.now_micros)?;
        }
    }
    if let Some(silent) = &taps.silent {
        writeln!(out)?;
        never(out, taps, silent)?;
    }
    writeln!(out)?;
    evidence(out, taps)
}

fn one(out: &mut dyn Write, tap: &Tap, now_micros: u64) -> io::Result<()> {
    let mut stands = place(&tap.file, tap.line);
    if !tap.function.is_empty() {
        stands = format!("{stands} in {}", escape::terminal(&tap.function));
    }
    writeln!(out, "{}{}{}", escape::terminal(&tap.name), gap(&stands), stands.trim_start())?;
    let caller = match tap.caller.as_slice() {
        [] => String::new(),
        caller => format!(", called by {}", escape::terminal(caller)),
    };
    let silent = span(now_micros.saturating_sub(tap.last_seen_micros));
    writeln!(out, "    silent for {silent}; last hit {}{caller}", time(tap.last_seen_micros))?;
    let processes = match tap.processes {
        0 => String::new(),
        processes => format!(" from {}", count(processes, "process")),
    };
    write!(out, "    {}{processes} since {}", count(tap.hits, "hit"), time(tap.first_seen_micros))?;
    for (what, names) in [("service", &tap.services), ("host", &tap.hosts)] {
        if !names.is_empty() {
            write!(out, "; {what} {}", named(names))?;
        }
    }
    writeln!(out)?;
    if !tap.context.is_empty() {
        let pairs = tap.context.iter();
        let pairs: Vec<_> = pairs
            .map(|(key, value)| format!("{}={}", escape::terminal(key), escape::terminal(value)))
            .collect();
        writeln!(out, "    with {}", pairs.join(" "))?;
    }
    Ok(())
}

fn never(out: &mut dyn Write, taps: &Taps, silent: &[Silent]) -> io::Result<()> {
    let expected = count(number(taps.expected), "expected tap");
    if silent.is_empty() {
        return writeln!(out, "Every one of {expected} was hit{}.", since(taps));
    }
    writeln!(out, "Never hit{}: {} of {expected}:", since(taps), silent.len())?;
    for tap in silent {
        let shown = tap.places.iter().take(MAX_NAMES).map(|(file, line)| place(file, *line));
        let mut places = shown.collect::<Vec<_>>().join(", ");
        if tap.places.len() > MAX_NAMES {
            places = format!("{places} and {} more", tap.places.len() - MAX_NAMES);
        }
        write!(out, "    {}{}{places}", escape::terminal(&tap.name), gap(&places))?;
        match tap.last_seen_micros {
            Some(last) => writeln!(out, "  (last hit {})", time(last))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// How much the lists above prove.
fn evidence(out: &mut dyn Write, taps: &Taps) -> io::Result<()> {
    let window = &taps.window;
    let mut sentence = format!(
        "A collector listened for {} since {}",
        span(window.listened_micros),
        time(window.since_micros)
    );
    if window.deaf_micros() > 0 {
        sentence.push_str(&format!("; for {} in between nobody did", span(window.deaf_micros())));
    }
    sentence.push_str(if window.is_open { ", and listens still." } else { ", and does not listen now." });
    writeln!(out, "{}", wrap(&sentence, WIDTH, ""))?;
    let known = loss::sentences_of(&taps.loss, taps.unclean_ends);
    let lost = if known.is_empty() {
        "Nothing is known to be lost in that time.".to_owned()
    } else {
        format!("Known to be lost in that time, so that a hit may be missing: {}.", known.join("; "))
    };
    writeln!(out, "{}", wrap(&lost, WIDTH, ""))?;
    if taps.odd_clocks > 0 {
        let hits = count(taps.odd_clocks, "hit");
        let sentence = format!("{hits} had a time of its own that cannot be; the time of arrival was taken.");
        writeln!(out, "{}", wrap(&sentence, WIDTH, ""))?;
    }
    if taps.silent.is_some() {
        let caveat = "A hit shows that code is alive. That there is none shows that it did not run in that time, \
                      in a process with the tap in it, without ALIVE_OFF, that could reach the collector.";
        writeln!(out, "{}", wrap(caveat, WIDTH, ""))?;
    }
    Ok(())
}

fn since(taps: &Taps) -> String {
    if taps.since_micros == 0 { String::new() } else { format!(" since {}", time(taps.since_micros)) }
}

/// Between a name and what stands behind it, if anything does.
const fn gap(behind: &str) -> &'static str {
    if behind.is_empty() { "" } else { "  " }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn place(file: &[u8], line: u32) -> String {
    let file = escape::terminal(file);
    if line == 0 { file } else { format!("{file}:{line}") }
}

fn named(names: &BTreeSet<Vec<u8>>) -> String {
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
    let formatter = AsciiControls(PrettyFormatter::with_indent(b" "));
    document(taps).serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}

/// The taps as a value.
#[must_use]
pub fn document(taps: &Taps) -> Value {
    let (loss, window) = (&taps.loss, &taps.window);
    let mut document = json!({
        "format": 1,
        "time": time(taps.now_micros),
        "window": {
            "since": time(window.since_micros),
            "until": time(window.until_micros),
            "listened_seconds": window.listened_micros / 1_000_000,
            "deaf_seconds": window.deaf_micros() / 1_000_000,
            "listens": window.is_open,
        },
        "loss": {
            "kernel_drops": loss.kernel_drops,
            "sequence_gaps": loss.sequence_gaps,
            "not_sent": loss.not_sent,
            "malformed": loss.malformed,
            "truncated": loss.truncated,
            "unsupported_version": loss.unsupported_version,
            "over_cap": loss.over_cap,
            "forged": loss.forged,
            "unclean_ends": taps.unclean_ends,
        },
        "odd_clocks": taps.odd_clocks,
        "taps": taps.taps.iter().map(tap).collect::<Value>(),
    });
    if taps.since_micros > 0 {
        document["since"] = time(taps.since_micros).into();
    }
    if let Some(silent) = &taps.silent {
        document["expected"] = taps.expected.into();
        document["never"] = silent.iter().map(self::silent).collect();
    }
    document
}

fn tap(tap: &Tap) -> Value {
    let mut out = json!({});
    bytes(&mut out, "name", &tap.name);
    for (key, value) in [("file", &tap.file), ("function", &tap.function), ("called_by", &tap.caller)] {
        if !value.is_empty() {
            bytes(&mut out, key, value);
        }
    }
    if tap.line > 0 {
        out["line"] = tap.line.into();
    }
    out["hits"] = tap.hits.into();
    out["processes"] = tap.processes.into();
    for (key, names) in [("services", &tap.services), ("hosts", &tap.hosts)] {
        out[key] = names.iter().map(|name| escape::json_text(name).0).collect();
    }
    out["first_seen"] = time(tap.first_seen_micros).into();
    out["last_seen"] = time(tap.last_seen_micros).into();
    // Pairs, not an object: a sender may tell a key twice.
    let pairs = tap.context.iter();
    out["context"] =
        pairs.map(|(key, value)| json!([escape::json_text(key).0, escape::json_text(value).0])).collect();
    out
}

fn silent(silent: &Silent) -> Value {
    let mut out = json!({});
    bytes(&mut out, "name", &silent.name);
    out["places"] = silent.places.iter().map(json_place).collect();
    if let Some(last) = silent.last_seen_micros {
        out["last_seen"] = time(last).into();
    }
    out
}

fn json_place((file, line): &Place) -> Value {
    let mut out = json!({});
    bytes(&mut out, "file", file);
    out["line"] = (*line).into();
    out
}

fn bytes(out: &mut Value, key: &str, bytes: &[u8]) {
    let (text, hex) = escape::json_text(bytes);
    out[key] = text.into();
    if let Some(hex) = hex {
        out[format!("{key}_hex")] = hex.into();
    }
}
