//! What must not be stored is taken out of a datagram before anybody adds it up, so that two names which become the
//! same are one, and no thread behind the receiving one ever has the words.
//!
//! Patterns see bytes: `.` and `[^/]` match any byte, also of a name that is no UTF-8, and a line feed. What was
//! looked at lately is remembered, so a name costs the patterns' time once, not at each event.

mod packed;

use std::sync::Arc;

use alive_report::escape;
use alive_wire::Datagram;
use alive_wire::record::types;
use hashbrown::HashMap;
use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::rewrite;

/// What stands in the place of a match.
pub const REDACTED: &[u8] = b"[redacted]";

/// Most bytes of names, and of what became of them, that are remembered; beyond it all are forgotten.
const MAX_KNOWN: usize = 4 << 20;

/// What a remembered name takes beside its bytes.
const KNOWN_OVERHEAD: usize = 96;

/// Columns of a line of text that are numbers.
const NUMBERS: [&[u8]; 3] = [b"pid", b"line", b"time"];

/// Patterns of what must not be stored.
#[derive(Debug, Clone, Default)]
pub struct Redact {
    patterns: Vec<Regex>,
}

impl PartialEq for Redact {
    fn eq(&self, other: &Self) -> bool {
        self.patterns.iter().map(Regex::as_str).eq(other.patterns.iter().map(Regex::as_str))
    }
}

impl Eq for Redact {}

impl Redact {
    /// These patterns, applied in this order, each to what the one before has left.
    #[must_use]
    pub const fn new(patterns: Vec<Regex>) -> Self {
        Self { patterns }
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn pattern(text: &str) -> Result<Regex, String> {
        RegexBuilder::new(text).unicode(false).dot_matches_new_line(true).build().map_err(|error| {
            // The last line has the reason; those before draw the place.
            let words = error.to_string();
            let reason = words.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("the pattern `{}` is not understood: {reason}", escape::terminal(text.as_bytes()))
        })
    }

    /// Whether there is no pattern.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// What becomes of some words; `None` when nothing in them must be taken out.
    #[must_use]
    pub fn apply(&self, words: &[u8]) -> Option<Vec<u8>> {
        let mut redacted: Option<Vec<u8>> = None;
        for pattern in &self.patterns {
            if let Some(less) = take_out(pattern, redacted.as_deref().unwrap_or(words)) {
                redacted = Some(less);
            }
        }
        redacted
    }
}

/// The words without what a pattern matches, or without the matches of its groups where it has some.
fn take_out(pattern: &Regex, words: &[u8]) -> Option<Vec<u8>> {
    let mut redacted = Vec::new();
    let mut copied = 0;
    for found in pattern.captures_iter(words) {
        for (from, to) in spans(&found) {
            // Of groups inside each other the outer one was first. Nothing is no secret.
            if from < copied || from == to {
                continue;
            }
            redacted.extend(&words[copied..from]);
            redacted.extend(REDACTED);
            copied = to;
        }
    }
    if copied == 0 {
        return None;
    }
    redacted.extend(&words[copied..]);
    Some(redacted)
}

fn spans(found: &Captures<'_>) -> Vec<(usize, usize)> {
    let mut spans: Vec<_> =
        found.iter().skip(1).flatten().map(|group| (group.start(), group.end())).collect();
    if spans.is_empty() {
        // Without groups, or by an alternative that has none.
        spans.extend(found.get(0).map(|whole| (whole.start(), whole.end())));
    }
    spans.sort_unstable_by_key(|&(from, to)| (from, std::cmp::Reverse(to)));
    spans
}

/// Redacts one datagram after the other.
#[derive(Debug)]
pub(crate) struct Redactor {
    words: Words,
    datagram: Vec<u8>,
}

impl Redactor {
    pub(crate) fn new(redact: Arc<Redact>) -> Self {
        Self { words: Words { redact, known: HashMap::new(), bytes: 0 }, datagram: Vec::new() }
    }

    /// The datagram without what must not be stored.
    pub(crate) fn datagram<'d>(&'d mut self, datagram: &'d [u8]) -> &'d [u8] {
        let Self { words, datagram: out } = self;
        out.clear();
        match Datagram::new(datagram) {
            Ok(Datagram::Binary(events)) => {
                for event in events {
                    match event {
                        Ok(event) => rewrite::event(&event, out, |kind, payload, out| {
                            payload_of(kind, payload, words, out);
                        }),
                        Err(error) => rewrite::bad_event(error, out),
                    }
                }
            }
            Ok(Datagram::Text(lines)) => {
                for line in lines {
                    match line {
                        Ok(ping) => rewrite::line(
                            &ping,
                            out,
                            |key, value| {
                                if NUMBERS.contains(&key) { value } else { words.redacted(&value).to_vec() }
                            },
                            &[],
                        ),
                        Err(error) => rewrite::bad_line(error, out),
                    }
                }
            }
            // Nobody reads it.
            Err(_) => return datagram,
        }
        out
    }
}

/// Words that were looked at, and what became of them.
#[derive(Debug)]
struct Words {
    redact: Arc<Redact>,
    known: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Words {
    /// The words without what must not be stored.
    fn redacted<'w>(&'w mut self, words: &'w [u8]) -> &'w [u8] {
        if self.bytes > MAX_KNOWN {
            self.known.clear();
            self.bytes = 0;
        }
        let Self { redact, known, bytes } = self;
        let redacted = known.entry_ref(words).or_insert_with(|| {
            let redacted = redact.apply(words);
            *bytes += words.len() + redacted.as_ref().map_or(0, Vec::len) + KNOWN_OVERHEAD;
            redacted
        });
        redacted.as_deref().unwrap_or(words)
    }
}

/// Writes the payload of a record without what must not be stored. One of a type that is not known is left out:
/// nobody can say which of its bytes are words.
fn payload_of(kind: u8, payload: &[u8], words: &mut Words, out: &mut Vec<u8>) {
    match kind {
        types::PATH | types::NAME | types::PROGRAM | types::EXECUTABLE | types::PULLED_IN_BY => {
            out.extend(words.redacted(payload));
        }
        types::MODULE => {
            let build_id = payload.first().map_or(0, |length| usize::from(*length) + 1);
            split(payload, build_id, out, |path, out| out.extend(words.redacted(path)));
        }
        types::FIELD => {
            let key = payload.first().map_or(0, |length| usize::from(*length) + 1);
            let is_number = payload.get(1..key).is_some_and(|key| NUMBERS.contains(&key));
            split(payload, key, out, |value, out| {
                out.extend(if is_number { value } else { words.redacted(value) });
            });
        }
        types::LINEAGE => split(payload, packed::BEFORE_THE_LINE, out, |line, out| {
            packed::lines(line, |name| words.redacted(name).to_vec(), out);
        }),
        types::LANGUAGE_STACK => packed::lines(payload, |name| words.redacted(name).to_vec(), out),
        types::BYSTANDERS => split(payload, packed::BEFORE_THE_NAMES, out, |names, out| {
            for (index, name) in names.split(|byte| *byte == 0).enumerate() {
                out.extend((index > 0).then_some(0));
                out.extend(words.redacted(name));
            }
        }),
        types::CODE
        | types::FILE_BYTES
        | types::USAGE
        | types::DURATION
        | types::FRAMES
        | types::NOT_SENT
        | types::SEARCH
        | types::SHIM_VERSION
        | types::INTERPRETER
        | types::TOLL => out.extend(payload),
        _ => {}
    }
}

/// Writes a payload whose words begin behind so many bytes. One that is shorter stays as it is, and is refused.
fn split(payload: &[u8], at: usize, out: &mut Vec<u8>, rest: impl FnOnce(&[u8], &mut Vec<u8>)) {
    let (head, words) = payload.split_at_checked(at).unwrap_or((payload, &[]));
    out.extend(head);
    rest(words, out);
}

#[cfg(test)]
mod tests;
