//! What changed between two reports, for a person and for a program.

use std::io::{self, Write};

use alive_store::model::MemoryFigures;
use serde_json::{Value, json};

use crate::diff::{Diff, LateFile, Pair, ProgramDiff, RoleDiff, Side};
use crate::escape;
use crate::render::json::{self as document, Object};
use crate::render::layout::{Columns, HEADING, Medium, Page, Row, URGENT};
use crate::render::units::{bytes, count, micros};

/// Most files of each sort that are named.
const NAMED: usize = 10;

/// Writes the sentences and the tables.
///
/// # Errors
/// Whatever `out` reports.
pub fn table(diff: &Diff, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(medium);
    for (index, program) in diff.programs.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let label = page.paint(HEADING, &labels(program));
        page.sentence(out, "", &format!("{label}: {}", sentence(program)))?;
        for role in program.roles.iter().filter(|role| tells_something(role)) {
            writeln!(out)?;
            self::role(&page, role, out)?;
        }
    }
    for (labels, which) in [(&diff.only_before, "first"), (&diff.only_after, "second")] {
        if !labels.is_empty() {
            let labels: Vec<String> = labels.iter().map(|label| escape::terminal(label)).collect();
            page.sentence(out, "", &format!("Forked in the {which} database alone: {}.", labels.join(", ")))?;
        }
    }
    for (is_floor, which) in [(diff.is_floor.before, "first"), (diff.is_floor.after, "second")] {
        if is_floor {
            let text = format!(
                "The numbers of the {which} database are a floor: `alive report` says what was lost."
            );
            page.sentence(out, "", &page.paint(URGENT, &text))?;
        }
    }
    Ok(())
}

fn labels(program: &ProgramDiff) -> String {
    let Pair { before, after } = &program.label;
    let (before, after) = (escape::terminal(before), escape::terminal(after));
    if before == after { after } else { format!("{before} -> {after}") }
}

/// What changed, in one sentence.
fn sentence(program: &ProgramDiff) -> String {
    let loads = match (program.gone(), program.new_loads(), program.still()) {
        (0, 0, 0) => "no late loads, neither before nor after".to_owned(),
        (gone, new, still) => format!("{} gone, {new} new, {still} still", count(gone as u64, "late load")),
    };
    let memory = program.main_role().and_then(|(before, after)| {
        let (old, new) = (before.memory?, after.memory?);
        let who = if after.id.starts_with("worker") { "worker" } else { &after.id };
        Some(format!(
            "private memory per {who} {} -> {}",
            kib(old.private_dirty_kib),
            kib(new.private_dirty_kib)
        ))
    });
    match memory {
        Some(memory) => format!("{loads}: {memory}."),
        None => format!("{loads}; memory was not looked at in both."),
    }
}

fn tells_something(role: &RoleDiff) -> bool {
    [&role.side.before, &role.side.after]
        .into_iter()
        .flatten()
        .any(|side| !side.is_root || side.memory.is_some() || side.cost.files > 0)
}

fn role(page: &Page, role: &RoleDiff, out: &mut dyn Write) -> io::Result<()> {
    let Pair { before, after } = &role.side;
    let Some(side) = after.as_ref().or(before.as_ref()) else { return Ok(()) };
    let place = side.forked_at.as_ref().map(|place| format!(", forked at {place}")).unwrap_or_default();
    let alone = match (before, after) {
        (None, _) => " (in the second database alone)",
        (_, None) => " (in the first database alone)",
        _ => "",
    };
    page.sentence(out, "  ", &format!("{}{place}{alone}", page.paint(HEADING, &side.id)))?;
    let mut table = Columns::titled(&["<", ">BEFORE", ">AFTER", ">CHANGE"], "");
    for &(name, show, figure) in FIGURES {
        let of = |side: &Option<Side>| side.as_ref().and_then(figure);
        let (old, new) = (of(before), of(after));
        if old.is_none() && new.is_none() {
            continue;
        }
        let cell = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), show);
        table.push(vec![name.to_owned(), cell(old), cell(new), change(old, new)]);
    }
    let still = role.searches_still.len() as u64;
    let (old, new) = (still + role.searches_gone.len() as u64, still + role.searches_new.len() as u64);
    if old + new > 0 {
        let change = change(Some(old), Some(new));
        table.push(vec!["searches in vain".to_owned(), old.to_string(), new.to_string(), change]);
    }
    page.head(out, "    ", &table)?;
    for cells in table.rows() {
        page.row(out, "    ", &table, &Row { cells, about: "", note: "", style: None })?;
    }
    for (title, files) in [("New", &role.new), ("Still", &role.still), ("Gone", &role.gone)] {
        listed(page, title, files.iter().map(|file| file.path.as_slice()), out)?;
    }
    for (title, names) in
        [("Searched for now", &role.searches_new), ("Searched for no more", &role.searches_gone)]
    {
        listed(page, title, names.iter().map(Vec::as_slice), out)?;
    }
    Ok(())
}

type Figure = (&'static str, fn(u64) -> String, fn(&Side) -> Option<u64>);

/// What is compared, in the order of the rows.
const FIGURES: &[Figure] = &[
    ("processes", |figure| figure.to_string(), |side| Some(side.processes)),
    ("late files", |figure| figure.to_string(), |side| (!side.is_root).then_some(side.cost.files)),
    ("their size", bytes, |side| (!side.is_root).then_some(side.cost.bytes)),
    ("time loading", micros, |side| Some(side.cost.micros).filter(|micros| *micros > 0)),
    (
        "page faults loading",
        |figure| figure.to_string(),
        |side| Some(side.cost.faults).filter(|faults| *faults > 0),
    ),
    ("private dirty", kib, |side| side.memory.map(|memory| memory.private_dirty_kib)),
    ("USS", kib, |side| side.memory.map(|memory| memory.uss_kib)),
    ("PSS", kib, |side| side.memory.map(|memory| memory.pss_kib)),
    ("swap", kib, |side| side.memory.map(|memory| memory.swap_kib).filter(|kib| *kib > 0)),
    ("a fork", micros, |side| side.fork_micros),
    ("forker's resident size", kib, |side| side.forker_resident_kib),
];

fn kib(figure: u64) -> String {
    bytes(figure.saturating_mul(1024))
}

/// The change in percent; empty where there is none, or nothing to compare with.
fn change(before: Option<u64>, after: Option<u64>) -> String {
    let (Some(before), Some(after)) = (before, after) else { return String::new() };
    if before == after || before == 0 {
        return String::new();
    }
    let more = i128::from(after) - i128::from(before);
    let percent = more * 100 / i128::from(before);
    format!("{percent:+} %")
}

/// The first names, one a line, and how many more.
fn listed<'a>(
    page: &Page,
    title: &str,
    names: impl ExactSizeIterator<Item = &'a [u8]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let number = names.len();
    if number == 0 {
        return Ok(());
    }
    writeln!(out, "    {title}:")?;
    for name in names.take(NAMED) {
        writeln!(out, "      {}", page.fitted(&escape::terminal(name), 6))?;
    }
    if number > NAMED {
        writeln!(out, "      and {} more", number - NAMED)?;
    }
    Ok(())
}

/// Writes one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn json(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    document::write(&value(diff), out)
}

fn value(diff: &Diff) -> Value {
    let mut out = Object::default();
    out.put("format", 1);
    out.put("floor", json!({"before": diff.is_floor.before, "after": diff.is_floor.after}));
    out.put("programs", diff.programs.iter().map(program).collect::<Value>());
    out.put("only_before", texts("program", &diff.only_before));
    out.put("only_after", texts("program", &diff.only_after));
    out.into()
}

fn program(program: &ProgramDiff) -> Value {
    let mut out = Object::default();
    out.bytes("before", &program.label.before);
    out.bytes("after", &program.label.after);
    out.put("summary", sentence(program));
    out.put(
        "late_loads",
        json!({"gone": program.gone(), "new": program.new_loads(), "still": program.still()}),
    );
    out.put("roles", program.roles.iter().map(role_value).collect::<Value>());
    out.into()
}

fn role_value(role: &RoleDiff) -> Value {
    let mut out = Object::default();
    out.put("before", role.side.before.as_ref().map(side));
    out.put("after", role.side.after.as_ref().map(side));
    for (key, files) in [("gone", &role.gone), ("new", &role.new), ("still", &role.still)] {
        out.put(key, files.iter().map(file).collect::<Value>());
    }
    for (key, names) in [
        ("searches_gone", &role.searches_gone),
        ("searches_new", &role.searches_new),
        ("searches_still", &role.searches_still),
    ] {
        out.put(key, texts("name", names));
    }
    out.into()
}

fn side(side: &Side) -> Value {
    let mut out = Object::default();
    out.put("id", side.id.as_str());
    out.put("processes", side.processes);
    out.put("files", side.cost.files);
    out.put("bytes", side.cost.bytes);
    out.put("micros", side.cost.micros);
    out.put("faults", side.cost.faults);
    out.put("private_kib", side.cost.private_kib);
    out.put("estimated", side.cost.is_estimate);
    out.put("fork_micros_each", side.fork_micros);
    out.put("forker_resident_kib", side.forker_resident_kib);
    out.put("memory", side.memory.as_ref().map(memory));
    out.into()
}

fn memory(memory: &MemoryFigures) -> Value {
    json!({
        "pss_kib": memory.pss_kib,
        "uss_kib": memory.uss_kib,
        "private_dirty_kib": memory.private_dirty_kib,
        "shared_kib": memory.shared_kib,
        "swap_kib": memory.swap_kib,
    })
}

fn file(file: &LateFile) -> Value {
    let mut out = Object::default();
    out.bytes("path", &file.path);
    out.put("processes", file.processes);
    out.put("bytes", file.bytes);
    out.into()
}

/// Names of any bytes, each an object with the key `key`.
fn texts(key: &str, names: &[Vec<u8>]) -> Value {
    let object = |name: &Vec<u8>| {
        let mut out = Object::default();
        out.bytes(key, name);
        Value::from(out)
    };
    names.iter().map(object).collect()
}
