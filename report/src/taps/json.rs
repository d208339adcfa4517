//! Taps for a program, written while they are told. Their form is `docs/schema/taps.schema.json`.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Place, Silent, Tap, Taps, Window};
use crate::render::json::LossByKind;
use crate::render::json::object::{List, Object, text};
use crate::render::{json, time};

/// Writes the taps as one JSON object and a newline.
pub(super) fn write(taps: &Taps, out: &mut dyn Write) -> io::Result<()> {
    json::write(&Document(taps), out)
}

struct Document<'a>(&'a Taps);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let taps = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("format", &1)?;
        out.put("time", &time(taps.now_micros))?;
        out.put("window", &WindowOf::from(&taps.window))?;
        out.put("loss", &LossOf::from(taps))?;
        out.put("odd_clocks", &taps.odd_clocks)?;
        out.put("taps", &List(taps.taps.iter().map(TapOf)))?;
        if taps.since_micros > 0 {
            out.put("since", &time(taps.since_micros))?;
        }
        if let Some(silent) = &taps.silent {
            out.put("expected", &taps.expected)?;
            out.put("never", &List(silent.iter().map(SilentOf)))?;
        }
        out.end()
    }
}

/// What is known to be lost.
#[derive(Serialize)]
struct LossOf {
    #[serde(flatten)]
    kinds: LossByKind,
    unclean_ends: u64,
}

impl From<&Taps> for LossOf {
    fn from(taps: &Taps) -> Self {
        Self { kinds: LossByKind::from(&taps.loss), unclean_ends: taps.unclean_ends }
    }
}

/// When somebody listened.
#[derive(Serialize)]
pub(crate) struct WindowOf {
    since: String,
    until: String,
    listened_seconds: u64,
    deaf_seconds: u64,
    listens: bool,
}

impl From<&Window> for WindowOf {
    fn from(window: &Window) -> Self {
        Self {
            since: time(window.since_micros),
            until: time(window.until_micros),
            listened_seconds: window.listened_micros / 1_000_000,
            deaf_seconds: window.deaf_micros() / 1_000_000,
            listens: window.is_open,
        }
    }
}

/// One tap.
pub(crate) struct TapOf<'a>(pub(crate) &'a Tap);

impl Serialize for TapOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tap = self.0;
        let mut out = Object::begin(serializer)?;
        out.bytes("name", &tap.name)?;
        out.bytes_if_any("file", &tap.file)?;
        out.bytes_if_any("function", &tap.function)?;
        out.bytes_if_any("called_by", &tap.caller)?;
        if tap.line > 0 {
            out.put("line", &tap.line)?;
        }
        out.put("hits", &tap.hits)?;
        out.put("processes", &tap.processes)?;
        out.put("services", &List(tap.services.iter().map(|name| text(name))))?;
        out.put("hosts", &List(tap.hosts.iter().map(|name| text(name))))?;
        out.put("first_seen", &time(tap.first_seen_micros))?;
        out.put("last_seen", &time(tap.last_seen_micros))?;
        // Pairs, not an object: a sender may tell a key twice.
        out.put("context", &List(tap.context.iter().map(|(key, value)| (text(key), text(value)))))?;
        out.end()
    }
}

struct SilentOf<'a>(&'a Silent);

impl Serialize for SilentOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.bytes("name", &self.0.name)?;
        out.put("places", &List(self.0.places.iter().map(PlaceOf)))?;
        if let Some(last) = self.0.last_seen_micros {
            out.put("last_seen", &time(last))?;
        }
        out.end()
    }
}

struct PlaceOf<'a>(&'a Place);

impl Serialize for PlaceOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (file, line) = self.0;
        let mut out = Object::begin(serializer)?;
        out.bytes("file", file)?;
        out.put("line", line)?;
        out.end()
    }
}
