//! A hit of a tap, read from a text line or from an event of the shim's.

use alive_report::machinery;
use alive_store::model::Site;
use alive_wire::text::{Escaped, MAX_KEY, MAX_NAME, Ping};

use crate::aggregate::parse;
use crate::heard::Heard;
use crate::moment::Moment;
use crate::unpack;

/// Longest value that is kept, in bytes; what is longer is cut.
const MAX_KEPT: usize = 1024;

/// Longest value of the context that is kept.
const MAX_CONTEXT_VALUE: usize = 255;

/// Most keys of the context that are kept.
const MAX_CONTEXT: usize = 8;

/// Oldest time of a sender's own that is believed: a queue may hold a line for long.
const OLDEST_MICROS: u64 = 86_400_000_000;

/// How far ahead of ours a sender's clock may be.
const AHEAD_MICROS: u64 = 1_000_000;

/// Of one hit, what it tells.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tapped {
    pub(crate) name: Vec<u8>,
    /// File that the tap stands in, empty when not told. As all below.
    pub(crate) file: Vec<u8>,
    pub(crate) line: u32,
    pub(crate) function: Vec<u8>,
    /// Who called that function.
    pub(crate) caller: Vec<u8>,
    /// Where the tap stands in machine code, when nobody told its file.
    pub(crate) place: Option<Site>,
    /// Who called, in machine code, when no line did.
    pub(crate) caller_place: Option<Site>,
    pub(crate) pid: Option<u32>,
    pub(crate) service: Vec<u8>,
    pub(crate) host: Vec<u8>,
    /// What else was told.
    pub(crate) context: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) seen_micros: u64,
    /// Its own time cannot be believed; `seen_micros` is when it came.
    pub(crate) odd_clock: bool,
}

impl Tapped {
    /// Reads a text line.
    pub(crate) fn of_text(ping: &Ping<'_>, at: Moment) -> Self {
        let mut tapped = Self { seen_micros: at.wall_micros, ..Self::default() };
        let mut known = [false; KEYS.len()];
        for (key, value) in ping.columns().filter_map(Result::ok) {
            match KEYS.iter().position(|name| key.is(name)) {
                // Of a key that stands twice, the first counts.
                Some(index) if std::mem::replace(&mut known[index], true) => {}
                Some(_) => tapped.take(&key, value, at),
                None => tapped.context(key.decoded(), value.decoded()),
            }
        }
        tapped
    }

    fn take(&mut self, key: &Escaped<'_>, value: Escaped<'_>, at: Moment) {
        let bytes = |longest| value.decoded().take(longest).collect::<Vec<u8>>();
        let number = || parse(&bytes(10));
        match () {
            () if key.is(b"name") => self.name = bytes(MAX_NAME),
            () if key.is(b"file") => self.file = bytes(MAX_KEPT),
            () if key.is(b"line") => self.line = number().unwrap_or(0),
            () if key.is(b"function") => self.function = bytes(MAX_KEPT),
            () if key.is(b"caller") => self.caller = bytes(MAX_KEPT),
            () if key.is(b"pid") => self.pid = number(),
            () if key.is(b"service") => self.service = bytes(MAX_NAME),
            () if key.is(b"host") => self.host = bytes(MAX_NAME),
            () => {
                let told = micros(&bytes(32)).filter(|micros| {
                    (at.wall_micros.saturating_sub(OLDEST_MICROS)
                        ..=at.wall_micros.saturating_add(AHEAD_MICROS))
                        .contains(micros)
                });
                self.odd_clock = told.is_none();
                self.seen_micros = told.map_or(at.wall_micros, |micros| micros.min(at.wall_micros));
            }
        }
    }

    fn context(&mut self, key: impl Iterator<Item = u8>, value: impl Iterator<Item = u8>) {
        if self.context.len() < MAX_CONTEXT {
            self.context.push((key.take(MAX_KEY).collect(), value.take(MAX_CONTEXT_VALUE).collect()));
        }
    }

    /// Reads an event of the shim's.
    pub(crate) fn of_event(heard: &Heard<'_>, at: Moment) -> Self {
        let header = heard.header();
        let field = |key: &[u8]| heard.field(key).unwrap_or_default();
        let mut tapped = Self {
            name: heard.name.unwrap_or_default().to_vec(),
            file: field(b"file").to_vec(),
            line: parse(field(b"line")).unwrap_or(0),
            function: field(b"function").to_vec(),
            pid: Some(header.pid),
            service: heard.program.unwrap_or_default().to_vec(),
            seen_micros: at.sent_micros(header.monotonic_nanos),
            ..Self::default()
        };
        tapped.name.truncate(MAX_NAME);
        let lines = unpack::frames(heard.lines);
        // The function that holds the tap comes first, then who called it.
        let mut native =
            heard.frames.into_iter().flatten().map(|frame| heard.site(frame.module, frame.offset));
        let place = native.next();
        if tapped.file.is_empty() {
            tapped.place = place;
        }
        match machinery::asking_line(&lines) {
            Some(line) => {
                tapped.caller = line.file.clone();
                tapped.caller.extend(format!(":{}", line.line).bytes());
                if !line.function.is_empty() {
                    tapped.caller.push(b' ');
                    tapped.caller.extend(&line.function);
                }
            }
            None => tapped.caller_place = native.next(),
        }
        tapped
    }
}

/// The keys that mean something; every other one is context.
const KEYS: [&[u8]; 9] =
    [b"name", b"file", b"line", b"function", b"caller", b"pid", b"service", b"host", b"time"];

/// Seconds since 1970, with or without a fraction, as microseconds.
fn micros(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.get(..6).unwrap_or(fraction);
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction = format!("{digits:0<6}").parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alive_wire::Datagram;

    const NOW: Moment = Moment { wall_micros: 1_780_000_000_000_000, monotonic_nanos: 5 };

    fn told(columns: &str) -> Tapped {
        let line = format!("alive1\tping\tname=tap{columns}\n");
        let Ok(Datagram::Text(mut lines)) = Datagram::new(line.as_bytes()) else { panic!("{line}") };
        Tapped::of_text(&lines.next().unwrap().unwrap(), NOW)
    }

    #[test]
    fn what_is_no_known_key_is_context_and_bounded() {
        let tapped = told("\torder=17\tfile=a%0ab.pl\tfile=second\tline=42\torder=18");
        assert_eq!((tapped.file.as_slice(), tapped.line), (&b"a\nb.pl"[..], 42));
        assert_eq!(tapped.context, [("order", "17"), ("order", "18")].map(|(k, v)| (k.into(), v.into())));
        let many: String = (0..40).map(|number| format!("\tk{number}=v")).collect();
        assert_eq!(told(&many).context.len(), MAX_CONTEXT);
        let long = told(&format!("\t{}={}", "k".repeat(500), "v".repeat(1_000)));
        assert_eq!((long.context[0].0.len(), long.context[0].1.len()), (MAX_KEY, MAX_CONTEXT_VALUE));
    }

    #[test]
    fn a_number_that_is_none_is_not_told() {
        let tapped = told("\tline=-1\tpid=99999999999999999999");
        assert_eq!((tapped.line, tapped.pid), (0, None));
    }

    #[test]
    fn a_time_is_believed_unless_it_lies_ahead_or_long_ago() {
        for (time, seen, odd) in [
            ("1779999990", 1_779_999_990_000_000, false),
            ("1779999990.5", 1_779_999_990_500_000, false),
            ("1779999990.1234567", 1_779_999_990_123_456, false),
            ("1780000000.9", NOW.wall_micros, false),
            ("1780000002", NOW.wall_micros, true),
            ("99999999999999999999", NOW.wall_micros, true),
            ("0", NOW.wall_micros, true),
            ("yesterday", NOW.wall_micros, true),
            ("1779999990.-5", NOW.wall_micros, true),
        ] {
            let tapped = told(&format!("\ttime={time}"));
            assert_eq!((tapped.seen_micros, tapped.odd_clock), (seen, odd), "{time}");
        }
        assert!(!told("").odd_clock);
    }
}
