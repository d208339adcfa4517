//! Taps: which code was running, the longest silent first, each with its life in the time that somebody listened.

use std::io::{self, Write};

use crate::escape;
use crate::render::moment;
use crate::render::units::{count, span};
use crate::taps::{Tap, Taps, Window, render};

/// Rows that the page holds at most.
const ROWS: usize = 1_000;

/// Services or hosts that a row names.
const NAMES: usize = 4;

/// What the section is called, and a page that has no other.
pub(super) const TITLE: &str = "Taps: is this code still running?";

/// Writes the section; its heading is the page's where it stands alone. Nothing where there are no taps.
pub(super) fn section(taps: &Taps, is_alone: bool, out: &mut dyn Write) -> io::Result<()> {
    if taps.taps.is_empty() {
        return Ok(());
    }
    let level = if is_alone { "h1" } else { "h2" };
    writeln!(
        out,
        "<section class=\"taps\" id=\"taps\" aria-labelledby=\"taps-label\">\
         <{level} id=\"taps-label\">{TITLE}</{level}>",
    )?;
    let evidence = escape::html(render::evidence(taps).join(" ").as_bytes());
    writeln!(
        out,
        "<p class=\"lead\">{} hit, the longest silent first. A hit shows that code is alive; silence shows only \
         that none arrived. {evidence}</p>",
        match taps.taps.len() {
            1 => "1 place was".to_owned(),
            number => format!("{number} places were"),
        },
    )?;
    out.write_all(
        b"<div class=\"panel\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"taps-label\"><table><thead><tr>\
          <th scope=\"col\">Tap</th><th scope=\"col\" aria-sort=\"descending\">Silent for</th>\
          <th scope=\"col\">First and last hit (UTC)</th><th scope=\"col\" class=\"n\">Hits</th>\
          <th scope=\"col\" class=\"n\">Processes</th><th scope=\"col\">Services and hosts</th></tr></thead>\n\
          <tbody>\n",
    )?;
    let window = shown(taps);
    for tap in taps.taps.iter().take(ROWS) {
        row(tap, taps.now_micros, &window, out)?;
    }
    out.write_all(b"</tbody></table></div>\n")?;
    if taps.taps.len() > ROWS {
        let more = count((taps.taps.len() - ROWS) as u64, "more place");
        writeln!(out, "<p class=\"rest\">{more}, hit later: <code>alive taps</code> lists them all.</p>")?;
    }
    out.write_all(
        b"<p class=\"hint\"><code>alive taps --scan DIR</code> lists the taps of a source tree that were never \
          hit.</p></div>\n</section>\n",
    )
}

/// From the first to the last moment that a bar can show. Hits may be older than the runs of a collector that are
/// told.
fn shown(taps: &Taps) -> Window {
    let first = taps.taps.iter().map(|tap| tap.first_seen_micros).min();
    let last = taps.taps.iter().map(|tap| tap.last_seen_micros).max();
    let mut window = taps.window;
    window.since_micros = first.unwrap_or(window.since_micros).min(window.since_micros.max(1));
    window.until_micros = last.unwrap_or(0).max(window.until_micros).max(taps.now_micros);
    window
}

fn row(tap: &Tap, now_micros: u64, window: &Window, out: &mut dyn Write) -> io::Result<()> {
    let text = |bytes: &[u8]| escape::html(bytes);
    write!(out, "<tr><th scope=\"row\" class=\"what\"><code>{}</code>", text(&tap.name))?;
    let mut place = text(&tap.file);
    if tap.line > 0 {
        place = format!("{place}:{}", tap.line);
    }
    if !tap.function.is_empty() {
        place = format!("{place} in {}", text(&tap.function));
    }
    if !place.is_empty() {
        write!(out, "<small>{place}</small>")?;
    }
    if !tap.caller.is_empty() {
        write!(out, "<small>last called by {}</small>", text(&tap.caller))?;
    }
    if !tap.context.is_empty() {
        let pairs = tap.context.iter().map(|(key, value)| format!("{}={}", text(key), text(value)));
        write!(out, "<small>with {}</small>", pairs.collect::<Vec<_>>().join(" "))?;
    }
    write!(
        out,
        "</th><td class=\"silence\" data-name=\"silent for\">{}</td><td class=\"life\">{}<small><span>{}</span> to <span>{}</span></small></td>\
         <td class=\"n\" data-name=\"hits\">{}</td>",
        span(tap.silent_micros(now_micros)),
        life(tap, window),
        minute(tap.first_seen_micros),
        minute(tap.last_seen_micros),
        tap.hits,
    )?;
    match tap.processes {
        0 => out.write_all(b"<td class=\"n none\">&ndash;</td>")?,
        processes => write!(out, "<td class=\"n\" data-name=\"processes\">{processes}</td>")?,
    }
    let lists = [&tap.services, &tap.hosts].map(|names| {
        let mut shown: Vec<String> = names.iter().take(NAMES).map(|name| text(name)).collect();
        if names.len() > NAMES {
            shown.push(format!("{} more", names.len() - NAMES));
        }
        shown.join(", ")
    });
    let [services, hosts] = &lists;
    let on = if services.is_empty() || hosts.is_empty() { "" } else { " on " };
    writeln!(out, "<td class=\"who\">{services}{on}{hosts}</td></tr>")
}

/// To the minute: `2026-01-01 12:00`.
fn minute(micros: u64) -> String {
    moment(micros).get(..16).unwrap_or_default().replace('T', " ")
}

/// From the first hit to the last one, as a part of the time that is shown.
fn life(tap: &Tap, window: &Window) -> String {
    let all = window.until_micros.saturating_sub(window.since_micros).max(1);
    let at = |micros: u64| {
        let thousandths = u128::from(micros.saturating_sub(window.since_micros)) * 1_000 / u128::from(all);
        u64::try_from(thousandths).unwrap_or(1_000).min(1_000)
    };
    let (from, to) = (at(tap.first_seen_micros).min(990), at(tap.last_seen_micros));
    let width = to.saturating_sub(from).max(10);
    format!(
        "<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"window\" width=\"1000\" height=\"10\"/><rect x=\"{from}\" width=\"{width}\" height=\"10\"/></svg>"
    )
}

/// The label of the section's link.
pub(super) fn link(taps: &Taps) -> Option<String> {
    let number = taps.taps.len();
    (number > 0).then(|| format!("<a href=\"#taps\">Taps ({number})</a>"))
}
