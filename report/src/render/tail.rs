//! News, one line each.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr as _;

use crate::escape;
use crate::news::New;
use crate::render::json::object::Object;
use crate::render::table::Medium;
use crate::render::units::{bytes, shorten};
use crate::render::{json, time};

/// Narrowest that a path becomes beside all the rest, and alone.
const NARROWEST: usize = 24;
const SHORTEST: usize = 16;

/// A line for a person: when, which process, what to do, who has it, how large, what, who asked.
///
/// # Errors
/// Whatever `out` reports.
pub fn text(new: &New, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    let moment = time(new.micros);
    let clock = moment.get(11..19).unwrap_or_default();
    let verdict = new.verdict.map_or("-", crate::Verdict::word);
    let size = if new.bytes > 0 { bytes(new.bytes) } else { "-".to_owned() };
    let who = format!("{}/{}", escape::terminal(&new.program), new.role);
    let workers = format!("{} of {}", new.workers, new.of);
    let head = format!("{clock}  {who:<16}  {verdict:<14}  {workers:>8}  {size:>8}  ");
    let what = escape::terminal(&new.what);
    let asked = match (&new.brought_by, &new.caller) {
        (Some(cause), _) => format!("  with {}", escape::terminal(crate::caller::file_name(cause))),
        (None, Some(caller)) => {
            let (place, detail) = caller.text();
            let place = place.rsplit('/').next().unwrap_or_default();
            format!("  by {place}{detail}")
        }
        (None, None) => String::new(),
    };
    let Some(columns) = medium.columns else { return writeln!(out, "{head}{what}{asked}") };
    // Where there is no room for all of it, when, what to do and what it is about.
    let head = if columns < head.width() + NARROWEST { format!("{clock}  {verdict:<10}  ") } else { head };
    let room = columns.saturating_sub(head.width());
    let asked = if room >= NARROWEST + asked.width() { asked } else { String::new() };
    let what = shorten(&what, room.saturating_sub(asked.width()).max(SHORTEST));
    writeln!(out, "{head}{what}{asked}")
}

/// A line for a program: one JSON object.
///
/// # Errors
/// Whatever `out` reports.
pub fn json(new: &New, out: &mut dyn Write) -> io::Result<()> {
    json::write_line(&Line(new), out)
}

struct Line<'a>(&'a New);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let new = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("time", &time(new.micros))?;
        out.put("role", &new.role)?;
        out.put("verdict", &new.verdict.map(crate::Verdict::word))?;
        out.put("times", &new.times)?;
        out.put("workers", &new.workers)?;
        out.put("of", &new.of)?;
        out.put("bytes", &new.bytes)?;
        out.put("caller", &new.caller.as_ref().map(json::Frame::from))?;
        out.bytes("program", &new.program)?;
        out.bytes("what", &new.what)?;
        if let Some(cause) = &new.brought_by {
            out.bytes("brought_by", cause)?;
        }
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::Verdict;
    use crate::news::New;
    use crate::render::table::Medium;

    #[test]
    fn a_line_is_one_line_on_every_terminal() {
        let new = New {
            micros: 1_767_268_800_000_000,
            program: b"starman".to_vec(),
            role: "worker".to_owned(),
            verdict: Some(Verdict::Preload),
            what: b"/usr/share/perl5/LWP/Protocol/https/Socket.pm".to_vec(),
            workers: 2,
            of: 8,
            bytes: 12_345,
            ..New::default()
        };
        let shown = |columns| {
            let mut out = Vec::new();
            text(&new, Medium { columns, color: false }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        for columns in [40, 80, 200] {
            let line = shown(Some(columns));
            assert!(line.trim_end().chars().count() <= columns, "{columns}: {line}");
            assert!(line.contains("preload") && line.contains("Socket.pm"), "{columns}: {line}");
        }
        assert!(shown(None).contains("/usr/share/perl5/LWP/Protocol/https/Socket.pm"));
    }
}
