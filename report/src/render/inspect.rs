//! What workers map and their parent does not, for a person and for a program.

use std::io::{self, Write};

use alive_memory::family::Late;
use alive_memory::maps::FileKind;
use alive_memory::tree::Look;
use alive_memory::{Family, Unread};
use serde::{Serialize, Serializer};

use crate::escape;
use crate::findings::Verdict;
use crate::render::json as document;
use crate::render::json::object::{List, Object, Pairs};
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
    document::write(&Document(seen), out)
}

struct Document<'a>(&'a Inspection);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seen = self.0;
        let thresholds = [
            ("min_processes", seen.thresholds.min_processes),
            ("min_share_percent", seen.thresholds.min_share_percent),
        ];
        let families = seen.families.iter().map(|item| FamilyOf { seen, parent: item.0, family: &item.1 });
        let mut out = Object::begin(serializer)?;
        out.put("format", &1)?;
        out.put("thresholds", &Pairs(thresholds.into_iter()))?;
        out.put("ended", &seen.ended)?;
        out.put("families", &List(families))?;
        processes::fill(&mut out, &seen.looks)?;
        out.end()
    }
}

/// A parent with its workers, or why it cannot be read.
struct FamilyOf<'a> {
    seen: &'a Inspection,
    parent: usize,
    family: &'a Result<Family, Unread>,
}

impl Serialize for FamilyOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { seen, parent, family } = *self;
        let mut out = Object::begin(serializer)?;
        out.put("parent", &seen.pid(parent))?;
        match family {
            Ok(family) => {
                let unread = family.unread.iter().map(|(worker, reason)| NotCompared {
                    pid: seen.pid(*worker),
                    not_read: reason.to_string(),
                });
                out.put("workers", &List(family.workers.iter().map(|&worker| seen.pid(worker))))?;
                out.put("executed", &family.executed)?;
                out.put("not_compared", &List(unread))?;
                out.put("late", &List(family.late.iter().map(|late| FileOf { seen, family, late })))?;
            }
            Err(reason) => out.put("not_read", &reason.to_string())?,
        }
        out.end()
    }
}

#[derive(Serialize)]
struct NotCompared {
    pid: u32,
    not_read: String,
}

struct FileOf<'a> {
    seen: &'a Inspection,
    family: &'a Family,
    late: &'a Late,
}

impl Serialize for FileOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { seen, family, late } = *self;
        let verdict = (late.kind == FileKind::Library).then(|| seen.verdict(late, family).word());
        let mut out = Object::begin(serializer)?;
        out.bytes("path", &late.path)?;
        out.put("kind", late.kind.word())?;
        out.put("verdict", &verdict)?;
        out.put("workers", &late.workers)?;
        out.put("of", &family.workers.len())?;
        out.put("bytes", &late.bytes)?;
        out.put("private_dirty_kib", &late.private_dirty_kib)?;
        out.put("deleted", &late.deleted)?;
        out.put("replaced", &late.replaced)?;
        out.end()
    }
}
