//! One event as one line of JSON.

use std::borrow::Cow;

use alive_store::model::{Site, TreeKey};
use alive_wire::text::Ping;
use alive_wire::{CodeKind, Datagram, Event, Kind, Language, Outcome, Via};
use hashlink::LruCache;
use serde::Serialize;

use crate::aggregate::parse;
use crate::heard::Heard;
use crate::json::{hex, put, text, time};
use crate::moment::Moment;
use crate::symbols::Symbols;

/// Most trees whose label is remembered for the events that do not tell it.
const MAX_LABELS: usize = 16_384;

/// The keys of a line. What is not known is left out.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    event: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ppid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Root>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pulled_in_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<Caller>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<LanguageFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<NativeFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Root {
    pid: u32,
    start: String,
}

#[derive(Debug, Clone, Serialize)]
struct LanguageFrame {
    #[serde(skip_serializing_if = "String::is_empty")]
    language: String,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    function: String,
}

#[derive(Debug, Clone, Serialize)]
struct NativeFrame {
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
}

/// Who asked: the innermost frame of the language where there is one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Caller {
    Language(LanguageFrame),
    Native(NativeFrame),
}

/// Turns datagrams into lines.
pub(crate) struct Lines {
    symbols: Symbols,
    labels: LruCache<TreeKey, Vec<u8>>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { symbols: Symbols::new(), labels: LruCache::new(MAX_LABELS) }
    }

    /// Adds a line for each event of a datagram. What cannot be read was counted by the aggregate.
    pub(crate) fn datagram(&mut self, datagram: &[u8], at: Moment, out: &mut Vec<u8>) {
        match Datagram::new(datagram) {
            Ok(Datagram::Binary(events)) => {
                for event in events.map_while(Result::ok) {
                    self.event(event, at, out);
                }
            }
            Ok(Datagram::Text(lines)) => {
                for ping in lines.filter_map(Result::ok) {
                    put(&text_ping(&ping, at), out);
                }
            }
            Err(_) => {}
        }
    }

    /// Adds a line that says that a counter of losses went up by `count`.
    #[expect(clippy::unused_self, reason = "a line like the others")]
    pub(crate) fn lost(&self, what: &'static str, count: u64, at: Moment, out: &mut Vec<u8>) {
        put(
            &Line {
                event: "lost",
                time: time(at.wall_micros),
                what: Some(what),
                count: Some(count),
                ..Line::default()
            },
            out,
        );
    }

    fn event(&mut self, event: Event<'_>, at: Moment, out: &mut Vec<u8>) {
        let Ok(kind) = event.header.kind else { return };
        let Ok(heard) = Heard::read(event) else { return };
        let tree = heard.tree();
        if let Some(program) = heard.program {
            self.labels.insert(tree, program.to_vec());
        }
        if kind == Kind::Fork {
            return;
        }
        let program = self.labels.get(&tree).map(|label| Cow::Owned(text(label).into_owned()));
        let header = heard.header();
        let mut line = Line {
            event: kind.word(),
            time: time(at.sent_micros(header.monotonic_nanos)),
            pid: Some(header.pid),
            ppid: Some(header.ppid),
            root: Some(Root { pid: tree.pid, start: time(tree.start_micros) }),
            program,
            depth: Some(header.depth),
            role: Some(self.role(&heard)),
            name: heard.name.map(text),
            kind: heard.code.kind.map(CodeKind::word),
            language: heard.code.language.map(Language::word),
            pulled_in_by: heard.pulled_in_by.map(text),
            bytes: heard.bytes,
            micros: heard.nanos.map(|nanos| nanos / 1_000),
            outcome: heard.code.outcome.map(Outcome::word),
            via: heard.code.via.map(Via::word),
            seq: Some(header.sequence),
            ..Line::default()
        };
        // What a start tells of is its executable.
        let path = if kind == Kind::Start { heard.path.or(heard.executable) } else { heard.path };
        line.path = path.map(text);
        line.path_hex = path.filter(|path| str::from_utf8(path).is_err()).map(hex);
        self.frames(&heard, &mut line);
        if kind == Kind::Ping {
            let file = heard.field(b"file").unwrap_or_default();
            line.caller = ping_caller(file, heard.field(b"line").and_then(parse)).or(line.caller);
        }
        put(&line, out);
    }

    fn frames(&mut self, heard: &Heard<'_>, line: &mut Line<'_>) {
        let mut stack = heard.stack();
        self.symbols.fill_all(&mut stack.native);
        line.frames = stack
            .language
            .into_iter()
            .map(|frame| LanguageFrame {
                language: frame.language,
                file: text(&frame.file).into_owned(),
                line: (frame.line > 0).then_some(frame.line),
                function: text(&frame.function).into_owned(),
            })
            .collect();
        line.stack = stack
            .native
            .into_iter()
            .map(|site| NativeFrame {
                module: text(&site.module).into_owned(),
                offset: site.offset,
                symbol: site.symbol,
            })
            .collect();
        line.caller = match (line.frames.first(), line.stack.first()) {
            (Some(frame), _) => {
                Some(Caller::Language(LanguageFrame { language: String::new(), ..frame.clone() }))
            }
            (None, Some(frame)) => Some(Caller::Native(frame.clone())),
            (None, None) => None,
        };
    }

    /// The role of a process in words.
    fn role(&mut self, heard: &Heard<'_>) -> String {
        let mut words = String::new();
        for link in heard.lineage() {
            words.push_str(if words.is_empty() { "worker forked at " } else { " > " });
            let mut site = heard.site(link.module, link.offset);
            self.symbols.fill(&mut site);
            words.push_str(&place(&site));
        }
        if !words.is_empty() {
            words
        } else if heard.header().depth == 0 {
            "master".to_owned()
        } else {
            "worker".to_owned()
        }
    }
}

/// How many lines a datagram would have made.
pub(crate) fn lines_in(datagram: &[u8]) -> u64 {
    let lines = match Datagram::new(datagram) {
        Ok(Datagram::Binary(events)) => events
            .map_while(Result::ok)
            .filter(|event| event.header.kind.is_ok_and(|kind| kind != Kind::Fork))
            .filter(|event| Heard::read(*event).is_ok())
            .count(),
        Ok(Datagram::Text(lines)) => lines.filter(Result::is_ok).count(),
        Err(_) => 0,
    };
    u64::try_from(lines).unwrap_or(u64::MAX)
}

fn text_ping(ping: &Ping<'_>, at: Moment) -> Line<'static> {
    let value = |key: &[u8]| ping.get(key).map(|value| value.decoded().collect::<Vec<u8>>());
    let number = |key: &[u8]| value(key).and_then(|digits| parse(&digits));
    let file = value(b"file").unwrap_or_default();
    Line {
        event: Kind::Ping.word(),
        time: time(at.wall_micros),
        pid: number(b"pid"),
        name: value(b"name").map(|name| Cow::Owned(text(&name).into_owned())),
        caller: ping_caller(&file, number(b"line")),
        ..Line::default()
    }
}

fn ping_caller(file: &[u8], line: Option<u32>) -> Option<Caller> {
    (!file.is_empty()).then(|| {
        Caller::Language(LanguageFrame {
            language: String::new(),
            file: text(file).into_owned(),
            line,
            function: String::new(),
        })
    })
}

/// A place in few words: the module's file name and the symbol, or the offset where there is none.
fn place(site: &Site) -> String {
    let module = site.module.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    match &site.symbol {
        Some(symbol) => format!("{} {symbol}", text(module)),
        None if module.is_empty() => "an unknown place".to_owned(),
        None => format!("{}+{:#x}", text(module), site.offset),
    }
}
