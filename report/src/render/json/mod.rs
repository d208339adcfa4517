//! The report for a program. Its form is `docs/schema/report.schema.json`, version 1: keys may be
//! added, none is renamed or removed. Paths are whole; one that is not UTF-8 has its bytes beside
//! it in a key that ends in `_hex`.
//!
//! It is written while it is made, key by key ([`object`]), so that a report of 100,000 loads needs no
//! more memory than the report itself: [`program`] is the body, with its [`findings`], [`loads`] and [`stacks`].

mod costs;
mod findings;
mod loads;
pub(crate) mod object;
mod program;
mod stacks;

use std::io::{self, Write};

use alive_store::model::{Load, Loss};
use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, PrettyFormatter};

use crate::escape::AsciiControls;
use crate::findings::{Finding, ProgramReport, Report};
use crate::render::time;
use crate::taps;
use object::{List, Object};
use program::ProgramOf;
pub(super) use stacks::{Frame, Frames};

/// Writes the report as one JSON object and a newline.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let parts: Vec<Part<'_>> = report.programs.iter().map(Part::whole).collect();
    write(&Document { report, parts: &parts, frames: None }, out)
}

/// Writes a document so that nothing in it acts on a terminal, and a newline.
pub(crate) fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let formatter = AsciiControls(PrettyFormatter::with_indent(b" "));
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, formatter);
    document.serialize(&mut serializer)?;
    writeln!(out)
}

/// The same in one line.
pub(super) fn write_line(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, AsciiControls(CompactFormatter));
    document.serialize(&mut serializer)?;
    writeln!(out)
}

/// A program, and what of it is written.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The program.
    pub(super) program: &'a ProgramReport,
    /// Its first findings.
    pub(super) findings: &'a [Finding],
    /// Indices of its loads.
    pub(super) loads: Vec<usize>,
}

impl<'a> Part<'a> {
    /// All of it.
    pub(super) fn whole(program: &'a ProgramReport) -> Self {
        Self { program, findings: &program.findings, loads: (0..program.loads.len()).collect() }
    }

    /// The loads, each with its index.
    pub(super) fn loads(&self) -> impl Iterator<Item = (usize, &'a Load)> + Clone {
        let all = &self.program.loads;
        self.loads.iter().filter_map(|&index| all.get(index).map(|load| (index, load)))
    }
}

/// The report, or a part of it.
pub(super) struct Document<'a> {
    pub(super) report: &'a Report,
    pub(super) parts: &'a [Part<'a>],
    /// Where stacks are packed, the frames that they refer to; they stand at the end then.
    pub(super) frames: Option<&'a Frames<'a>>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { report, parts, frames } = *self;
        let mut out = Object::begin(serializer)?;
        out.put("format", &1)?;
        out.put("thresholds", &ThresholdsOf::from(report))?;
        out.put("loss", &LossOf::from(report))?;
        if let Some(since) = report.since_micros {
            out.put("since", &time(since))?;
        }
        if let Some(before) = report.dropped_before_micros {
            out.put("dropped_before", &time(before))?;
        }
        let program = |part| ProgramOf { part, until_micros: report.until_micros, frames };
        out.put("programs", &List(parts.iter().map(program)))?;
        out.put("taps", &List(report.taps.taps.iter().map(taps::json::TapOf)))?;
        if !report.taps.taps.is_empty() {
            out.put("window", &taps::json::WindowOf::from(&report.taps.window))?;
        }
        if let Some(frames) = frames {
            out.put("frames", frames.list())?;
        }
        out.end()
    }
}

/// The numbers behind the verdicts.
#[derive(Serialize)]
struct ThresholdsOf {
    min_processes: u64,
    min_share_percent: u64,
    min_again_percent: u64,
    slow_micros: u64,
}

impl From<&Report> for ThresholdsOf {
    fn from(report: &Report) -> Self {
        let thresholds = report.thresholds;
        Self {
            min_processes: thresholds.min_processes,
            min_share_percent: thresholds.min_share_percent,
            min_again_percent: thresholds.min_again_percent(),
            slow_micros: thresholds.slow_micros,
        }
    }
}

/// What is known to be lost, by kind: what every document tells of it.
#[derive(Serialize)]
pub(crate) struct LossByKind {
    kernel_drops: u64,
    sequence_gaps: u64,
    not_sent: u64,
    malformed: u64,
    truncated: u64,
    unsupported_version: u64,
    over_cap: u64,
    forged: u64,
}

impl From<&Loss> for LossByKind {
    fn from(loss: &Loss) -> Self {
        Self {
            kernel_drops: loss.kernel_drops,
            sequence_gaps: loss.sequence_gaps,
            not_sent: loss.not_sent,
            malformed: loss.malformed,
            truncated: loss.truncated,
            unsupported_version: loss.unsupported_version,
            over_cap: loss.over_cap,
            forged: loss.forged,
        }
    }
}

/// The same, and whether the report is a floor for it.
#[derive(Serialize)]
struct LossOf {
    floor: bool,
    #[serde(flatten)]
    kinds: LossByKind,
    events_file: u64,
    unclean_ends: u64,
}

impl From<&Report> for LossOf {
    fn from(report: &Report) -> Self {
        Self {
            floor: report.is_floor(),
            kinds: LossByKind::from(&report.loss),
            events_file: report.loss.events_file,
            unclean_ends: report.unclean_ends,
        }
    }
}
