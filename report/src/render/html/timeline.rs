//! When what was loaded: for each role the new files over time, and whether they have come to an end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use alive_store::model::Load;
use jiff::Timestamp;

use super::view;
use crate::escape;
use crate::findings::has_failed;
use crate::readiness;
use crate::render::json::Part;
use crate::render::json::object::text;
use crate::render::refork;
use crate::render::units::{bytes, count};

/// Bars of a lane.
const BARS: u64 = 90;

/// Height of a lane, in the picture's own units.
const HEIGHT: f64 = 40.0;

/// Names that a bar tells.
const NAMES: usize = 3;

/// A bar: the files that were new then.
#[derive(Default)]
struct Bar<'a> {
    files: u64,
    bytes: u64,
    names: Vec<Cow<'a, str>>,
}

pub(super) fn lanes(part: &Part<'_>, until_micros: u64, out: &mut dyn Write) -> io::Result<()> {
    let program = part.program;
    let mut late: BTreeMap<usize, Vec<(i64, &Load)>> = BTreeMap::new();
    // Also those that do not fit on the page: what is counted here takes no room.
    for load in program.loads.iter().filter(|load| !has_failed(load)) {
        late.entry(load.role).or_default().push((moment(load.first_seen_micros), load));
    }
    let moments = || late.values().flatten().map(|(seen, _)| *seen);
    let (Some(first), Some(last)) = (moments().min(), moments().max()) else { return Ok(()) };
    let last_seen = program.loads.iter().map(|load| moment(load.last_seen_micros)).max();
    let end = last_seen.unwrap_or(last).max(last);
    out.write_all(b"<section class=\"panel times\"><h2>When files were new</h2>\n")?;
    for (index, role) in program.roles.iter().enumerate() {
        let Some(loads) = late.get(&index) else { continue };
        write!(out, "<div class=\"lane\"><p><b>{}</b> ", escape::html(role.id.as_bytes()))?;
        if let Some(readiness) = readiness::of_role(program, index, until_micros) {
            // Whether new files have come to an end.
            let class = if readiness.is_settled() { "settled" } else { "busy" };
            let sentence = escape::html(refork::sentence(&readiness).as_bytes());
            write!(out, "<span class=\"{class}\">{sentence}</span>")?;
        }
        out.write_all(b"</p>\n")?;
        lane(&bars(loads, first, end), out)?;
        out.write_all(b"</div>\n")?;
    }
    writeln!(
        out,
        "<p class=\"axis\"><span>{}</span><span>{}</span></p></section>",
        clock(first, end),
        clock(end, first)
    )
}

/// A time as it is shown, microseconds since 1970: what lies beyond year 9999 was made up.
fn moment(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX).min(Timestamp::MAX.as_microsecond())
}

/// The files of each bar.
fn bars<'a>(loads: &[(i64, &'a Load)], first: i64, end: i64) -> BTreeMap<u64, Bar<'a>> {
    let span = end.abs_diff(first).max(1);
    let mut bars: BTreeMap<u64, Bar<'a>> = BTreeMap::new();
    for (seen, load) in loads {
        let place = u128::from(seen.abs_diff(first)) * u128::from(BARS) / u128::from(span);
        let bar = bars.entry(u64::try_from(place).unwrap_or(BARS).min(BARS - 1)).or_default();
        bar.files += 1;
        bar.bytes = bar.bytes.saturating_add(load.bytes);
        if bar.names.len() < NAMES {
            bar.names.push(text(&load.path));
        }
    }
    bars
}

/// The picture of one lane. Heights are square roots: one file beside a hundred is still seen.
#[expect(clippy::cast_precision_loss, reason = "a picture has far fewer places than a number")]
fn lane(bars: &BTreeMap<u64, Bar<'_>>, out: &mut dyn Write) -> io::Result<()> {
    let most = bars.values().map(|bar| bar.files).max().unwrap_or(1).max(1) as f64;
    write!(
        out,
        "<svg viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"New files over time\">",
        BARS * 10
    )?;
    for (place, bar) in bars {
        let height = (bar.files as f64 / most).sqrt() * (HEIGHT - 2.0) + 2.0;
        let names: Vec<String> =
            bar.names.iter().map(|path| escape::html(view::title(path).as_bytes())).collect();
        let more = bar.files.saturating_sub(bar.names.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(
            out,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"9\" height=\"{height:.1}\"><title>{} ({}): {}{more}</title></rect>",
            place * 10,
            HEIGHT - height,
            count(bar.files, "new file"),
            bytes(bar.bytes),
            names.join(", "),
        )?;
    }
    out.write_all(b"</svg>\n")
}

/// A moment, with its date where the other end of the axis lies on another day.
fn clock(micros: i64, other: i64) -> String {
    let moment = |micros| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX).to_string();
    let (this, that) = (moment(micros), moment(other));
    let seconds = |text: &str| text.get(11..19).unwrap_or_default().to_owned();
    match (this.get(..10), that.get(..10)) {
        (Some(day), Some(other)) if day != other => format!("{day} {}", seconds(&this)),
        _ => format!("{} UTC", seconds(&this)),
    }
}
