//! What workers map and their parent does not, for a person and for a program.

use std::io::{self, Write};

use alive_memory::family::Late;
use alive_memory::maps::FileKind;
use alive_memory::tree::Look;
use alive_memory::{Family, Unread};
use serde_json::{Value, json};

use crate::escape;
use crate::findings::Verdict;
use crate::render::json::{self as document, Object};
use crate::render::layout::{Columns, HEADING, Medium, Page, Row, URGENT};
use crate::render::processes::{self, listed};
use crate::render::units::{bytes, count};
use crate::thresholds::Thresholds;

/// Most files beside libraries that are named.
const NAMED_FILES: usize = 4;

/// Everything that was seen of a running daemon.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its processes, parents before children.
    pub looks: Vec<Look>,
    /// Each parent, by its index among them, with its workers; or why it cannot be read.
    pub families: Vec<(usize, Result<Family, Unread>)>,
    /// Processes that ended meanwhile.
    pub ended: u64,
    /// The numbers behind the verdicts.
    pub thresholds: Thresholds,
}

impl Inspection {
    fn verdict(&self, late: &Late, family: &Family) -> Verdict {
        if self.thresholds.is_common(late.workers.len() as u64, family.workers.len() as u64, 1) {
            Verdict::Preload
        } else {
            Verdict::LeaveLazy
        }
    }

    fn pid(&self, index: usize) -> u32 {
        self.looks.get(index).map_or(0, |look| look.pid)
    }

    fn title(&self, index: usize) -> String {
        escape::terminal(self.looks.get(index).map_or(b"", |look| look.title()))
    }
}

/// Writes the table.
///
/// # Errors
/// Whatever `out` reports.
pub fn table(seen: &Inspection, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(medium);
    let Thresholds { min_processes, min_share_percent, .. } = seen.thresholds;
    page.sentence(
        out,
        "",
        &format!(
            "Preload: what at least {min_processes} and {min_share_percent} % of a parent's workers map."
        ),
    )?;
    if seen.families.is_empty() {
        writeln!(out)?;
        page.sentence(out, "", &format!("{} has no children.", seen.title(0)))?;
    }
    for (parent, family) in &seen.families {
        writeln!(out)?;
        let name = page.paint(HEADING, &format!("{} (pid {})", seen.title(*parent), seen.pid(*parent)));
        match family {
            Ok(family) => {
                page.sentence(out, "", &format!("{name}: {}", sentence(family)))?;
                libraries(&page, seen, family, out)?;
            }
            Err(reason) => {
                page.sentence(out, "", &page.paint(URGENT, &format!("{name}: cannot be read: {reason}.")))?;
            }
        }
    }
    writeln!(out)?;
    processes::rows(&page, &seen.looks, seen.ended, out)?;
    writeln!(out)?;
    page.sentence(
        out,
        "",
        "Modules that an interpreter reads (.py, .pm, .rb, .php) are not mapped, so they are not seen here: \
         `alive run` shows them.",
    )
}

/// What the workers of one parent map.
fn sentence(family: &Family) -> String {
    let workers = family.workers.len() as u64;
    let executed = match family.executed {
        0 => String::new(),
        number => format!("; {number} of its children executed another program"),
    };
    if workers == 0 {
        let unread = match family.unread.len() as u64 {
            0 => String::new(),
            number => format!("; {} cannot be read", count(number, "worker")),
        };
        return format!("no worker to compare with{executed}{unread}.");
    }
    let libraries: Vec<&Late> = of_kind(family, FileKind::Library).collect();
    let who = match workers {
        1 => "its one worker maps".to_owned(),
        number => format!("its {number} workers map"),
    };
    if libraries.is_empty() {
        return format!("{who} no library that it does not map itself{executed}.");
    }
    let size = libraries.iter().fold(0u64, |sum, late| sum.saturating_add(late.bytes));
    let dirty = libraries.iter().fold(0u64, |sum, late| sum.saturating_add(late.private_dirty_kib));
    let libraries = match libraries.len() {
        1 => "1 library".to_owned(),
        number => format!("{number} libraries"),
    };
    format!(
        "{who} {libraries} ({}) that it does not map itself; {} of private memory in them{executed}.",
        bytes(size),
        bytes(dirty.saturating_mul(1024)),
    )
}

fn of_kind(family: &Family, kind: FileKind) -> impl Iterator<Item = &Late> {
    family.late.iter().filter(move |late| late.kind == kind)
}

fn libraries(page: &Page, seen: &Inspection, family: &Family, out: &mut dyn Write) -> io::Result<()> {
    let libraries: Vec<&Late> = of_kind(family, FileKind::Library).collect();
    if !libraries.is_empty() {
        writeln!(out)?;
        let mut table = Columns::titled(&["<VERDICT", ">WORKERS", ">SIZE", ">PRIVATE"], "LIBRARY");
        for late in &libraries {
            table.push(vec![
                seen.verdict(late, family).word().to_owned(),
                format!("{} of {}", late.workers.len(), family.workers.len()),
                bytes(late.bytes),
                bytes(late.private_dirty_kib.saturating_mul(1024)),
            ]);
        }
        page.head(out, "  ", &table)?;
        for (cells, late) in table.rows().iter().zip(&libraries) {
            let style = (seen.verdict(late, family) == Verdict::Preload).then_some(URGENT);
            let about = escape::terminal(&late.path);
            page.row(out, "  ", &table, &Row { cells, about: &about, note: note(late), style })?;
        }
    }
    let data: Vec<&Late> = of_kind(family, FileKind::Data).collect();
    if !data.is_empty() {
        let mut names: Vec<String> =
            data.iter().take(NAMED_FILES).map(|late| escape::terminal(&late.path)).collect();
        if data.len() > names.len() {
            names.push(format!("{} more", data.len() - names.len()));
        }
        let text = format!(
            "{} of data mapped by workers alone: {}.",
            count(data.len() as u64, "file"),
            names.join(", ")
        );
        page.sentence(out, "  ", &text)?;
    }
    let mut reasons: Vec<(&Unread, Vec<u32>)> = Vec::new();
    for (worker, reason) in &family.unread {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, pids)) => pids.push(seen.pid(*worker)),
            None => reasons.push((reason, vec![seen.pid(*worker)])),
        }
    }
    for (reason, pids) in reasons {
        page.sentence(
            out,
            "  ",
            &page.paint(URGENT, &format!("Not compared: {}: {reason}.", listed(&pids))),
        )?;
    }
    Ok(())
}

/// What is special about a file.
const fn note(late: &Late) -> &'static str {
    match (late.replaced, late.deleted) {
        (true, _) => " (replaced)",
        (false, true) => " (deleted)",
        (false, false) => "",
    }
}

/// Writes one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn json(seen: &Inspection, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::default();
    object.put("format", 1);
    object.put(
        "thresholds",
        json!({
            "min_processes": seen.thresholds.min_processes,
            "min_share_percent": seen.thresholds.min_share_percent,
        }),
    );
    object.put("ended", seen.ended);
    object.put("families", seen.families.iter().map(|family| self::family(seen, family)).collect::<Value>());
    processes::fill(&mut object, &seen.looks);
    document::write(&object.into(), out)
}

fn family(seen: &Inspection, (parent, family): &(usize, Result<Family, Unread>)) -> Value {
    let mut out = Object::default();
    out.put("parent", seen.pid(*parent));
    let family = match family {
        Ok(family) => family,
        Err(reason) => {
            out.put("not_read", reason.to_string());
            return out.into();
        }
    };
    out.put("workers", family.workers.iter().map(|&worker| seen.pid(worker)).collect::<Vec<_>>());
    out.put("executed", family.executed);
    let unread = family
        .unread
        .iter()
        .map(|(worker, reason)| json!({"pid": seen.pid(*worker), "not_read": reason.to_string()}));
    out.put("not_compared", unread.collect::<Value>());
    out.put("late", family.late.iter().map(|late| file(seen, family, late)).collect::<Value>());
    out.into()
}

fn file(seen: &Inspection, family: &Family, late: &Late) -> Value {
    let mut out = Object::default();
    out.bytes("path", &late.path);
    out.put("kind", late.kind.word());
    out.put("verdict", (late.kind == FileKind::Library).then(|| seen.verdict(late, family).word()));
    out.put("workers", late.workers.clone());
    out.put("of", family.workers.len());
    out.put("bytes", late.bytes);
    out.put("private_dirty_kib", late.private_dirty_kib);
    out.put("deleted", late.deleted);
    out.put("replaced", late.replaced);
    out.into()
}
