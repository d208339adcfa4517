//! One event as one line of JSON.

use std::borrow::Cow;
use std::sync::Arc;

use alive_report::{caller, machinery};
use alive_store::model::{self, Site, TreeKey};
use alive_wire::header::flags;
use alive_wire::{CodeKind, Datagram, Event, Kind, Language, Outcome, Via};
use hashlink::LruCache;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::heard::{self, Heard};
use crate::json::{hex, put, text, time};
use crate::moment::Moment;
use crate::rebased::{self, Rebased};
use crate::redact::Redact;
use crate::symbols::Symbols;
use crate::tapped::Tapped;
use crate::unpack::{self, no_lines_word};

/// Most trees that are remembered.
const MAX_TREES: usize = 16_384;

/// What an event does not tell of its tree itself.
#[derive(Debug, Default)]
struct Tree {
    label: Vec<u8>,
    rebased: Rebased,
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    no_lines: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interpreters: Vec<Interpreter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frames: Vec<LanguageFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<NativeFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    called_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
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

#[derive(Debug, Serialize)]
struct Interpreter {
    language: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    lines: String,
}

/// Who asked, chosen as the report does.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Caller {
    Language(LanguageFrame),
    Native(NativeFrame),
}

/// Turns datagrams into lines.
pub(crate) struct Lines {
    symbols: Symbols,
    trees: LruCache<TreeKey, Tree>,
}

impl Lines {
    /// Begins with the rebases that an earlier collector heard of.
    pub(crate) fn new(rebased: impl IntoIterator<Item = (TreeKey, Vec<u16>)>) -> Self {
        let mut trees = LruCache::new(MAX_TREES);
        for (key, numbers) in rebased {
            trees.insert(key, Tree { label: Vec::new(), rebased: Rebased::resumed(numbers) });
        }
        Self { symbols: Symbols::new(), trees }
    }

    /// Takes out of the names of places what must not be told.
    pub(crate) fn follow(&mut self, redact: &Arc<Redact>) {
        self.symbols.follow(redact);
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
                    let tapped = Tapped::of_text(&ping, at);
                    let (pid, time) = (tapped.pid, time(tapped.seen_micros));
                    put(&Line { pid, time, ..tap(tapped) }, out);
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
        // It belongs to no tree.
        if kind == Kind::End {
            return;
        }
        let mut heard = Heard::unread(event);
        if heard.read().is_err() {
            return;
        }
        let tree = heard.tree();
        let header = heard.header();
        let known = self.trees.entry(tree).or_insert_with(Tree::default);
        if let Some(program) = heard.program
            && known.label != program
        {
            known.label = program.to_vec();
        }
        let numbered = header.flags & flags::NO_TREE == 0;
        if kind == Kind::Fork {
            if numbered && let Some(heir) = rebased::heir(&heard) {
                known.rebased.add(heir.role);
            }
            return;
        }
        let program = (!known.label.is_empty()).then(|| Cow::Owned(text(&known.label).into_owned()));
        let cut = if numbered { known.rebased.cut(heard.lineage()) } else { 0 };
        let depth = header.depth.saturating_sub(u16::try_from(cut).unwrap_or(u16::MAX));
        let mut line = Line {
            event: kind.word(),
            time: time(at.sent_micros(header.monotonic_nanos)),
            pid: Some(header.pid),
            ppid: Some(header.ppid),
            root: Some(Root { pid: tree.pid, start: time(tree.start_micros) }),
            program,
            depth: Some(depth),
            role: Some(self.role(&heard, cut, depth)),
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
        if kind == Kind::Start {
            line.interpreters = heard.interpreters().map(interpreter).collect();
        } else {
            line.no_lines = heard.no_lines().map(|(_, reason)| no_lines_word(reason));
        }
        self.frames(&heard, &mut line);
        if kind == Kind::Ping {
            let told = tap(Tapped::of_event(&heard, at));
            line.caller = told.caller.or(line.caller);
            line.called_by = told.called_by;
        }
        put(&line, out);
    }

    fn frames(&mut self, heard: &Heard<'_>, line: &mut Line<'_>) {
        let mut stack = heard.stack();
        self.symbols.fill_all(&mut stack.native);
        line.caller = caller::of_stack(&stack).map(|caller| match caller {
            caller::Caller::Language(frame) => {
                Caller::Language(LanguageFrame { language: String::new(), ..language_frame(frame) })
            }
            caller::Caller::Native(site) => Caller::Native(native_frame(site)),
        });
        line.frames = stack.language.into_iter().map(language_frame).collect();
        line.stack = stack.native.into_iter().map(native_frame).collect();
    }

    /// The role of a process in words: its lineage without the part that is the root by now.
    fn role(&mut self, heard: &Heard<'_>, cut: usize, depth: u16) -> String {
        let mut words = String::new();
        for link in heard.lineage().skip(cut) {
            words.push_str(if words.is_empty() { "worker forked at " } else { " > " });
            if let Some(line) = machinery::forking_line(&unpack::frames(link.line)) {
                words.push_str(&caller::line_words(line, |bytes| text(bytes).into_owned()));
                continue;
            }
            let mut site = heard.site(link.module, link.offset);
            self.symbols.fill(&mut site);
            words.push_str(&place(&site));
        }
        if !words.is_empty() {
            words
        } else if depth == 0 {
            "master".to_owned()
        } else {
            "worker".to_owned()
        }
    }
}

fn language_frame(frame: model::LanguageFrame) -> LanguageFrame {
    LanguageFrame {
        language: frame.language,
        file: text(&frame.file).into_owned(),
        line: (frame.line > 0).then_some(frame.line),
        function: text(&frame.function).into_owned(),
    }
}

fn native_frame(site: Site) -> NativeFrame {
    NativeFrame { module: text(&site.module).into_owned(), offset: site.offset, symbol: site.symbol }
}

fn interpreter(told: heard::Interpreter<'_>) -> Interpreter {
    Interpreter {
        language: told.language.map_or("unknown", Language::word),
        version: text(told.version).into_owned(),
        lines: if told.no_lines == 0 { "read".to_owned() } else { no_lines_word(told.no_lines) },
    }
}

/// How many lines a datagram would have made.
pub(crate) fn lines_in(datagram: &[u8]) -> u64 {
    let lines = match Datagram::new(datagram) {
        Ok(Datagram::Binary(events)) => events
            .map_while(Result::ok)
            .filter(|event| event.header.kind.is_ok_and(|kind| !matches!(kind, Kind::Fork | Kind::End)))
            .filter(|event| Heard::unread(*event).read().is_ok())
            .count(),
        Ok(Datagram::Text(lines)) => lines.filter(Result::is_ok).count(),
        Err(_) => 0,
    };
    u64::try_from(lines).unwrap_or(u64::MAX)
}

/// The hit of a tap, without who told it and when.
fn tap(tapped: Tapped) -> Line<'static> {
    let words = |bytes: &[u8]| text(bytes).into_owned();
    let told = |bytes: &[u8]| (!bytes.is_empty()).then(|| words(bytes));
    let context = tapped.context.iter().map(|(key, value)| (words(key), words(value).into())).collect();
    Line {
        event: Kind::Ping.word(),
        name: Some(Cow::Owned(words(&tapped.name))),
        service: told(&tapped.service),
        host: told(&tapped.host),
        called_by: told(&tapped.caller),
        context,
        caller: (!tapped.file.is_empty()).then(|| {
            Caller::Language(LanguageFrame {
                language: String::new(),
                file: words(&tapped.file),
                line: (tapped.line > 0).then_some(tapped.line),
                function: words(&tapped.function),
            })
        }),
        ..Line::default()
    }
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
