//! What changed between two reports, for a person and for a program.

use std::io::{self, Write};

use alive_store::model::MemoryFigures;
use serde::{Serialize, Serializer};

use crate::diff::{Diff, LateFile, Pair, ProgramDiff, RoleDiff, Side};
use crate::escape;
use crate::render::json as document;
use crate::render::json::object::{List, Named, Object, Pairs};
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
    document::write(&Document(diff), out)
}

struct Document<'a>(&'a Diff);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diff = self.0;
        let floor = [("before", diff.is_floor.before), ("after", diff.is_floor.after)];
        let mut out = Object::begin(serializer)?;
        out.put("format", &1)?;
        out.put("floor", &Pairs(floor.into_iter()))?;
        out.put("programs", &List(diff.programs.iter().map(ProgramOf)))?;
        out.put("only_before", &List(diff.only_before.iter().map(|label| Named("program", label))))?;
        out.put("only_after", &List(diff.only_after.iter().map(|label| Named("program", label))))?;
        out.end()
    }
}

struct ProgramOf<'a>(&'a ProgramDiff);

impl Serialize for ProgramOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let program = self.0;
        let late = [("gone", program.gone()), ("new", program.new_loads()), ("still", program.still())];
        let mut out = Object::begin(serializer)?;
        out.bytes("before", &program.label.before)?;
        out.bytes("after", &program.label.after)?;
        out.put("summary", &sentence(program))?;
        out.put("late_loads", &Pairs(late.into_iter()))?;
        out.put("roles", &List(program.roles.iter().map(RoleOf)))?;
        out.end()
    }
}

struct RoleOf<'a>(&'a RoleDiff);

impl Serialize for RoleOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let role = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("before", &role.side.before.as_ref().map(SideOf))?;
        out.put("after", &role.side.after.as_ref().map(SideOf))?;
        for (key, files) in [("gone", &role.gone), ("new", &role.new), ("still", &role.still)] {
            out.put(key, &List(files.iter().map(FileOf)))?;
        }
        for (key, names) in [
            ("searches_gone", &role.searches_gone),
            ("searches_new", &role.searches_new),
            ("searches_still", &role.searches_still),
        ] {
            out.put(key, &List(names.iter().map(|name| Named("name", name))))?;
        }
        out.end()
    }
}

struct SideOf<'a>(&'a Side);

impl Serialize for SideOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let side = self.0;
        let mut out = Object::begin(serializer)?;
        out.put("id", &side.id)?;
        out.put("processes", &side.processes)?;
        out.put("files", &side.cost.files)?;
        out.put("bytes", &side.cost.bytes)?;
        out.put("micros", &side.cost.micros)?;
        out.put("faults", &side.cost.faults)?;
        out.put("private_kib", &side.cost.private_kib)?;
        out.put("estimated", &side.cost.is_estimate)?;
        out.put("fork_micros_each", &side.fork_micros)?;
        out.put("forker_resident_kib", &side.forker_resident_kib)?;
        out.put("memory", &side.memory.as_ref().map(MemoryOf))?;
        out.end()
    }
}

struct MemoryOf<'a>(&'a MemoryFigures);

impl Serialize for MemoryOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.put("pss_kib", &self.0.pss_kib)?;
        out.put("uss_kib", &self.0.uss_kib)?;
        out.put("private_dirty_kib", &self.0.private_dirty_kib)?;
        out.put("shared_kib", &self.0.shared_kib)?;
        out.put("swap_kib", &self.0.swap_kib)?;
        out.end()
    }
}

struct FileOf<'a>(&'a LateFile);

impl Serialize for FileOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.bytes("path", &self.0.path)?;
        out.put("processes", &self.0.processes)?;
        out.put("bytes", &self.0.bytes)?;
        out.end()
    }
}
