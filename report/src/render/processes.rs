//! What the processes of a tree hold, for a person and for a program.

use std::io::{self, Write};

use alive_memory::tree::Look;
use alive_memory::{Sizes, Unread};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::escape;
use crate::render::json as document;
use crate::render::json::object::{List, Object};
use crate::render::layout::{Columns, Medium, Page, Row, URGENT};
use crate::render::units::{bytes, count};

/// Most pids that a sentence names.
const NAMED_PIDS: usize = 6;

/// Writes the table, with a total below it and what could not be read below that.
///
/// # Errors
/// Whatever `out` reports.
pub fn table(looks: &[Look], ended: u64, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    rows(&Page::new(medium), looks, ended, out)
}

/// Writes one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn json(looks: &[Look], ended: u64, out: &mut dyn Write) -> io::Result<()> {
    document::write(&Document { looks, ended }, out)
}

/// Writes one JSON object in one line.
///
/// # Errors
/// Whatever `out` reports.
pub fn json_line(looks: &[Look], ended: u64, out: &mut dyn Write) -> io::Result<()> {
    document::write_line(&Document { looks, ended }, out)
}

pub(super) fn rows(page: &Page, looks: &[Look], ended: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut table =
        Columns::titled(&[">PID", ">PSS", ">USS", ">PRIVATE DIRTY", ">SHARED", ">SWAP"], "COMMAND");
    for look in looks {
        let mut cells = vec![look.pid.to_string()];
        cells.extend(match &look.sizes {
            Ok(sizes) => figures(sizes, sizes.shared_kib()),
            Err(_) => vec!["-".to_owned(); 5],
        });
        table.push(cells);
    }
    let sum = total(looks);
    let mut cells = vec!["total".to_owned()];
    cells.extend(figures(&sum, proportional(&sum)));
    table.push(cells);
    page.head(out, "", &table)?;
    let titles = looks.iter().map(|look| {
        format!("{:depth$}{}", "", escape::terminal(look.title()), depth = look.depth.min(20) * 2)
    });
    let read = looks.iter().filter(|look| look.sizes.is_ok()).count();
    let titles = titles.chain([count(read as u64, "process")]);
    for (cells, title) in table.rows().iter().zip(titles) {
        page.row(out, "", &table, &Row { cells, about: &title, note: "", style: None })?;
    }
    for (reason, pids) in unread(looks) {
        page.sentence(out, "", &page.paint(URGENT, &format!("Not read: {}: {reason}.", listed(&pids))))?;
    }
    if ended > 0 {
        page.sentence(out, "", &format!("{} ended meanwhile.", count(ended, "process")))?;
    }
    Ok(())
}

fn figures(sizes: &Sizes, shared_kib: u64) -> Vec<String> {
    [sizes.pss_kib, sizes.uss_kib(), sizes.private_dirty_kib, shared_kib, sizes.swap_kib]
        .into_iter()
        .map(|kib| bytes(kib.saturating_mul(1024)))
        .collect()
}

fn total(looks: &[Look]) -> Sizes {
    looks.iter().filter_map(|look| look.sizes.as_ref().ok().copied()).sum()
}

/// Of shared memory the part that is these processes' own by the way of counting of PSS: shared pages in full
/// must not be added up.
const fn proportional(sum: &Sizes) -> u64 {
    sum.pss_kib.saturating_sub(sum.uss_kib())
}

/// The reasons for which processes could not be read, each with the pids.
pub(super) fn unread(looks: &[Look]) -> Vec<(&Unread, Vec<u32>)> {
    let mut reasons: Vec<(&Unread, Vec<u32>)> = Vec::new();
    for look in looks {
        let Err(reason) = &look.sizes else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, pids)) => pids.push(look.pid),
            None => reasons.push((reason, vec![look.pid])),
        }
    }
    reasons
}

/// The first pids and how many more.
pub(super) fn listed(pids: &[u32]) -> String {
    let mut words: Vec<String> = pids.iter().take(NAMED_PIDS).map(u32::to_string).collect();
    if pids.len() > words.len() {
        words.push(format!("{} more", pids.len() - words.len()));
    }
    words.join(", ")
}

/// Processes as one object.
struct Document<'a> {
    looks: &'a [Look],
    ended: u64,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object::begin(serializer)?;
        out.put("format", &1)?;
        out.put("ended", &self.ended)?;
        fill(&mut out, self.looks)?;
        out.end()
    }
}

/// Puts the processes and their total.
pub(super) fn fill<M: SerializeMap>(out: &mut Object<M>, looks: &[Look]) -> Result<(), M::Error> {
    out.put("total", &Total(looks))?;
    out.put("processes", &List(looks.iter().map(|look| Process(looks, look))))
}

struct Total<'a>(&'a [Look]);

impl Serialize for Total<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sum = total(self.0);
        let mut out = Object::begin(serializer)?;
        out.put("processes", &self.0.iter().filter(|look| look.sizes.is_ok()).count())?;
        out.put("pss_kib", &sum.pss_kib)?;
        out.put("uss_kib", &sum.uss_kib())?;
        out.put("private_dirty_kib", &sum.private_dirty_kib)?;
        out.put("shared_proportional_kib", &proportional(&sum))?;
        out.put("swap_kib", &sum.swap_kib)?;
        out.end()
    }
}

struct Process<'a>(&'a [Look], &'a Look);

impl Serialize for Process<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(looks, look) = *self;
        let mut out = Object::begin(serializer)?;
        out.put("pid", &look.pid)?;
        out.put("parent", &look.parent.and_then(|parent| looks.get(parent)).map(|parent| parent.pid))?;
        out.bytes("name", &look.name)?;
        out.bytes("command", &look.command)?;
        match &look.sizes {
            Ok(sizes) => {
                out.put("rss_kib", &sizes.rss_kib)?;
                out.put("pss_kib", &sizes.pss_kib)?;
                out.put("uss_kib", &sizes.uss_kib())?;
                out.put("private_dirty_kib", &sizes.private_dirty_kib)?;
                out.put("shared_kib", &sizes.shared_kib())?;
                out.put("swap_kib", &sizes.swap_kib)?;
            }
            Err(reason) => out.put("not_read", &reason.to_string())?,
        }
        out.end()
    }
}
