//! The report for a program. Its form is `docs/schema/report.schema.json`, version 1: keys may be
//! added, none is renamed or removed. Paths are whole; one that is not UTF-8 has its bytes beside
//! it in a key that ends in `_hex`.

use std::io::{self, Write};

use alive_store::model::{
    Bystanders, Executed, Interpreter, LanguageFrame, Load, Missing, RoleMemory, Site, Stack,
};
use serde::Serialize as _;
use serde_json::ser::{CompactFormatter, PrettyFormatter};
use serde_json::{Map, Value, json};

use crate::caller::{self, Caller};
use crate::cost::Cost;
use crate::escape::{self, AsciiControls};
use crate::execs;
use crate::findings::{Finding, ProgramReport, Report, Verdict};
use crate::forest::Node;
use crate::price;
use crate::render::{refork, time};
use crate::role::Role;
use crate::safety::{self, Note};
use crate::taps;

/// Writes the report as one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write(&document(report), out)
}

/// Writes a document so that nothing in it acts on a terminal, and a newline.
pub(super) fn write(document: &Value, out: &mut dyn Write) -> io::Result<()> {
    let formatter = AsciiControls(PrettyFormatter::with_indent(b" "));
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, formatter);
    document.serialize(&mut serializer)?;
    writeln!(out)
}

/// The same in one line.
pub(super) fn write_line(document: &Value, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, AsciiControls(CompactFormatter));
    document.serialize(&mut serializer)?;
    writeln!(out)
}

/// The report as a value.
#[must_use]
pub fn document(report: &Report) -> Value {
    let loss = &report.loss;
    let mut document = json!({
        "format": 1,
        "thresholds": {
            "min_processes": report.thresholds.min_processes,
            "min_share_percent": report.thresholds.min_share_percent,
            "min_again_percent": report.thresholds.min_again_percent(),
            "slow_micros": report.thresholds.slow_micros,
        },
        "loss": {
            "floor": report.is_floor(),
            "kernel_drops": loss.kernel_drops,
            "sequence_gaps": loss.sequence_gaps,
            "not_sent": loss.not_sent,
            "malformed": loss.malformed,
            "truncated": loss.truncated,
            "unsupported_version": loss.unsupported_version,
            "over_cap": loss.over_cap,
            "forged": loss.forged,
            "events_file": loss.events_file,
            "unclean_ends": report.unclean_ends,
        },
    });
    if let Some(since) = report.since_micros {
        document["since"] = time(since).into();
    }
    if let Some(before) = report.dropped_before_micros {
        document["dropped_before"] = time(before).into();
    }
    document["programs"] = report.programs.iter().map(program).collect();
    refork::put(&mut document, report);
    document["taps"] = report.taps.taps.iter().map(taps::render::tap).collect();
    if !report.taps.taps.is_empty() {
        document["window"] = taps::render::window(&report.taps.window);
    }
    document
}

fn program(program: &ProgramReport) -> Value {
    let mut out = Object::default();
    out.bytes("program", &program.label);
    out.put("trees", program.trees);
    out.put("sequence_gaps", program.sequence_gaps);
    let not_sent: Map<String, Value> =
        program.not_sent.iter().map(|(reason, number)| (reason.clone(), (*number).into())).collect();
    out.put("not_sent", not_sent);
    out.put("interpreters", program.interpreters.iter().map(interpreter).collect::<Value>());
    out.put("lines", lines(program));
    out.put("start_up_loads", program.start_up().count());
    out.put("roles", (0..program.roles.len()).map(|index| role(program, index)).collect::<Value>());
    out.put("findings", program.findings.iter().map(|found| finding(program, found)).collect::<Value>());
    out.put(
        "loads",
        program.loads.iter().enumerate().map(|(index, item)| load(program, index, item)).collect::<Value>(),
    );
    out.put("missing", program.missing.iter().map(|item| missing(program, item)).collect::<Value>());
    out.put("executed", program.executed.iter().map(|item| executed(program, item)).collect::<Value>());
    out.into()
}

fn interpreter(interpreter: &Interpreter) -> Value {
    let mut out = Object::default();
    out.put("language", interpreter.language.as_str());
    out.bytes("version", &interpreter.version);
    out.put("lines", interpreter.no_lines.as_deref().unwrap_or("read"));
    out.into()
}

/// Loads by language, with lines and without.
fn lines(program: &ProgramReport) -> Value {
    let mut languages: Vec<&str> = Vec::new();
    for line in &program.lines {
        if !languages.contains(&line.language.as_str()) {
            languages.push(&line.language);
        }
    }
    languages
        .into_iter()
        .map(|language| {
            let mut with = 0u64;
            let mut without = Map::new();
            for line in program.lines.iter().filter(|line| line.language == language) {
                match &line.no_lines {
                    Some(reason) => {
                        without.insert(reason.clone(), line.loads.into());
                    }
                    None => with = line.loads,
                }
            }
            json!({ "language": language, "with": with, "without": without })
        })
        .collect()
}

/// The id of a role, null where there is none.
fn role_id(program: &ProgramReport, role: Option<usize>) -> Value {
    role.and_then(|role| program.roles.get(role)).map_or(Value::Null, |role| role.id.as_str().into())
}

fn role(program: &ProgramReport, index: usize) -> Value {
    let mut out = Object::default();
    let role = program.roles.get(index);
    out.put("id", role_id(program, Some(index)));
    out.put("parent", role_id(program, role.and_then(|role| role.parent)));
    out.put("fork_site", role.and_then(fork_site));
    out.put("processes", role.map(|role| role.processes));
    let known = |figure: u64| Some(figure).filter(|figure| *figure > 0);
    out.put("fork_micros", role.and_then(|role| known(role.fork_nanos)).map(|nanos| nanos / 1_000));
    out.put("forker_resident_kib", role.and_then(|role| known(role.forker_resident_kib.into())));
    let price = role.and_then(price::of);
    out.put("micros_per_100_mib", price.and_then(|price| price.nanos_per_100_mib).map(|nanos| nanos / 1_000));
    out.put("at_fork", role.and_then(|role| role.bystanders.as_ref()).map(at_fork));
    out.put("memory", role.and_then(|role| memory(&role.memory)));
    out.into()
}

/// What the processes of a role held, one by one on average; null when nobody looked.
pub(super) fn memory(memory: &RoleMemory) -> Option<Value> {
    let mean = crate::memory::mean(memory);
    if mean.is_none() && memory.unreadable == 0 {
        return None;
    }
    let mut out = Object::default();
    out.put("processes", memory.processes);
    out.put("unreadable", memory.unreadable);
    if let Some(mean) = mean {
        out.put("pss_kib", mean.pss_kib);
        out.put("uss_kib", mean.uss_kib);
        out.put("private_dirty_kib", mean.private_dirty_kib);
        out.put("shared_kib", mean.shared_kib);
        out.put("swap_kib", mean.swap_kib);
        out.put("max_pss_kib", memory.max_pss_kib);
        out.put("max_uss_kib", memory.max_uss_kib);
        out.put("max_private_dirty_kib", memory.max_private_dirty_kib);
    }
    out.put("last_seen", time(memory.seen_micros));
    Some(out.into())
}

/// What was there beside the thread that forked.
fn at_fork(seen: &Bystanders) -> Value {
    json!({
        "threads": seen.threads,
        "sockets": seen.sockets,
        "most_threads": seen.most_threads,
        "most_sockets": seen.most_sockets,
        "at_least": seen.at_least,
        "thread_names": seen.thread_names.iter().map(|name| escape::json_text(name).0).collect::<Vec<_>>(),
    })
}

/// The place in machine code that forks a role, and the line where it is known.
fn fork_site(role: &Role) -> Option<Value> {
    let mut out = Object::default();
    out.place(role.fork_site.as_ref()?);
    if let Some(line) = &role.fork_line {
        out.line(line);
    }
    Some(out.into())
}

fn finding(program: &ProgramReport, finding: &Finding) -> Value {
    let mut out = Object::default();
    out.put("verdict", finding.verdict.word());
    out.bytes("what", &finding.what);
    out.put("role", role_id(program, Some(finding.role)));
    out.put("load_in", role_id(program, finding.load_in));
    out.put("load_before", role_id(program, finding.load_before));
    out.put("workers", finding.workers);
    out.put("of", finding.of);
    out.put("respawned", finding.respawned);
    out.put("also_in", finding.also_in.iter().map(|&role| role_id(program, Some(role))).collect::<Value>());
    out.put("shared_by", (finding.verdict == Verdict::AlreadyShared).then_some(finding.shared_by));
    out.put("files", finding.cost.files);
    out.put("bytes", finding.cost.bytes);
    out.put("micros", finding.cost.micros);
    out.put("score", finding.cost.score);
    if let Some(tree) = &finding.tree {
        costs(&mut out, program.costs.own(tree.load), finding.cost);
    }
    if finding.verdict == Verdict::Optional {
        out.put("searches", finding.searches);
        out.put("probes", finding.probes);
    }
    out.put("caller", finding.caller.as_ref().map(caller));
    out.put("notes", safety::notes(program, finding).iter().map(note).collect::<Value>());
    let tree = finding.tree.as_ref().map_or(&[][..], |tree| &tree.children);
    out.put("tree", nodes(program, tree));
    out.into()
}

/// What may go wrong where a finding is followed.
fn note(note: &Note<'_>) -> Value {
    let mut out = Object::default();
    out.put("kind", note.word());
    out.put("text", note.text());
    out.put("source", note.source());
    out.into()
}

/// What a load brought. Nesting is bounded by the forest.
fn nodes(program: &ProgramReport, nodes: &[Node]) -> Value {
    nodes
        .iter()
        .filter_map(|node| program.loads.get(node.load).map(|load| (node, load)))
        .map(|(node, load)| {
            let mut out = Object::default();
            out.bytes("path", &load.path);
            out.put("workers", load.processes);
            out.put("bytes", load.bytes);
            let (own, total) = (program.costs.own(node.load), program.costs.total(node));
            out.put("micros", own.micros);
            costs(&mut out, own, total);
            out.put("tree", self::nodes(program, &node.children));
            Value::from(out)
        })
        .collect()
}

/// What a load costs a process by itself, and with all that it brought.
fn costs(out: &mut Object, own: Cost, total: Cost) {
    out.put("own", cost(own));
    out.put("total", cost(total));
}

fn cost(cost: Cost) -> Value {
    json!({
        "files": cost.files,
        "bytes": cost.bytes,
        "micros": cost.micros,
        "cpu_micros": cost.cpu_micros,
        "faults": cost.faults,
        "estimated": cost.is_estimate,
        "private_kib": cost.private_kib,
    })
}

fn load(program: &ProgramReport, index: usize, load: &Load) -> Value {
    let mut out = Object::default();
    out.bytes("path", &load.path);
    out.bytes_if_any("name", &load.name);
    out.put("role", role_id(program, Some(load.role)));
    for (key, word) in
        [("kind", &load.kind), ("language", &load.language), ("outcome", &load.outcome), ("via", &load.via)]
    {
        out.put(key, word.as_str());
    }
    out.bytes_if_any("pulled_in_by", &load.pulled_in_by);
    out.put("processes", load.processes);
    out.put("respawned", load.respawned);
    out.put("events", load.events);
    out.put("bytes", load.bytes);
    out.put("micros", program.costs.own(index).micros);
    out.put("own", cost(program.costs.own(index)));
    out.put("first_seen", time(load.first_seen_micros));
    out.put("last_seen", time(load.last_seen_micros));
    asked(&mut out, &load.stacks);
    out.into()
}

fn missing(program: &ProgramReport, missing: &Missing) -> Value {
    let mut out = Object::default();
    out.bytes("name", &missing.name);
    out.put("role", role_id(program, Some(missing.role)));
    out.put("language", missing.language.as_str());
    out.put("processes", missing.processes);
    out.put("searches", missing.searches);
    out.put("probes", missing.probes);
    asked(&mut out, &missing.stacks);
    out.into()
}

fn executed(program: &ProgramReport, executed: &Executed) -> Value {
    let mut out = Object::default();
    out.bytes("executable", &executed.executable);
    out.bytes("program", &executed.program);
    out.put("role", role_id(program, Some(executed.role)));
    out.put("runs", executed.runs);
    out.put("again_and_again", execs::wants_a_template(executed));
    out.put("cpu_micros", executed.cpu_nanos / 1_000);
    out.put("wall_micros", executed.wall_nanos / 1_000);
    out.put("resident_kib", Some(executed.resident_kib).filter(|kib| *kib > 0));
    out.put("first_seen", time(executed.first_seen_micros));
    out.put("last_seen", time(executed.last_seen_micros));
    out.into()
}

/// Who asked, and the sample stacks behind that.
fn asked(out: &mut Object, stacks: &[Stack]) {
    out.put("caller", caller::of_stacks(stacks).as_ref().map(caller));
    let stacks: Value = stacks
        .iter()
        .map(|stack| {
            json!({
                "frames": stack.language.iter().map(frame).collect::<Value>(),
                "stack": stack.native.iter().map(site).collect::<Value>(),
            })
        })
        .collect();
    out.put("stacks", stacks);
}

pub(super) fn caller(caller: &Caller) -> Value {
    match caller {
        Caller::Language(line) => frame(line),
        Caller::Native(place) => site(place),
    }
}

fn frame(frame: &LanguageFrame) -> Value {
    let mut out = Object::default();
    out.line(frame);
    out.into()
}

fn site(site: &Site) -> Value {
    let mut out = Object::default();
    out.place(site);
    out.into()
}

/// A JSON object under construction.
#[derive(Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Bytes as text, and in hexadecimal beside it where text cannot tell them.
    pub(super) fn bytes(&mut self, key: &str, bytes: &[u8]) {
        let (text, hex) = escape::json_text(bytes);
        self.put(key, text);
        if let Some(hex) = hex {
            self.put(&format!("{key}_hex"), hex);
        }
    }

    pub(super) fn line(&mut self, line: &LanguageFrame) {
        self.bytes("file", &line.file);
        self.put("line", line.line);
        self.bytes("function", &line.function);
    }

    pub(super) fn place(&mut self, site: &Site) {
        self.bytes("module", &site.module);
        self.put("offset", site.offset);
        self.put("symbol", site.symbol.as_deref());
    }

    pub(super) fn bytes_if_any(&mut self, key: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes(key, bytes);
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}
