//! The report for a person: what matters first, what is lost last.

use std::collections::HashSet;
use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::caller::{Caller, file_name};
use crate::escape;
use crate::execs;
use crate::findings::{Finding, ProgramReport, Report, Verdict};
use crate::render::aside::{Aside, again_after, also_above, load_it};
pub use crate::render::layout::Medium;
use crate::render::layout::{Columns, HEADING, Page, Row, URGENT};
use crate::render::units::{bytes, count, micros};
use crate::render::{forks, loss, refork, summary, time, unread};
use crate::safety;
use crate::thresholds::Thresholds;

/// Before a line that belongs to the row above it.
const ASIDE_INDENT: &str = "      ";

/// Fewest columns of a place before what stands behind it is shortened, too.
const LEAST_PLACE: usize = 20;

/// What the figures of a row are about.
const FIGURES: &str =
    "Time and private memory are those of one process, with all that a line brings; ~ is an estimate.";

/// Most names in a line that tells what a load brought.
const BROUGHT_NAMES: usize = 4;

const ASIDE: Style = Style::new().dimmed();

/// Writes the table.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(report: &Report, medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(medium);
    if !report.programs.is_empty() || report.taps.taps.is_empty() {
        page.sentence(out, "", &rule(report.thresholds))?;
        page.sentence(out, "", FIGURES)?;
    }
    if let Some(since) = report.since_micros {
        let text = format!("Only loads seen since {}; their sums are over their whole life.", time(since));
        page.sentence(out, "", &text)?;
    }
    let (forked, quiet): (Vec<_>, Vec<_>) = report.programs.iter().partition(|program| {
        !program.findings.is_empty() || program.roles.iter().any(|role| role.parent.is_some())
    });
    for program in forked {
        writeln!(out)?;
        page.program(out, program)?;
        page.readiness(out, program, report.until_micros)?;
    }
    if !quiet.is_empty() {
        writeln!(out)?;
        let labels: Vec<String> = quiet.iter().map(|program| escape::terminal(&program.label)).collect();
        page.sentence(out, "", &format!("Never seen to fork: {}.", labels.join(", ")))?;
    }
    if report.is_floor() {
        writeln!(out)?;
        page.sentence(out, "", &page.paint(URGENT, "The numbers are a floor; this is known to be lost:"))?;
        for sentence in loss::sentences(report) {
            page.sentence(out, "  ", &sentence)?;
        }
    }
    if let Some(sentence) = loss::dropped(report) {
        writeln!(out)?;
        page.sentence(out, "", &sentence)?;
    }
    if let Some(sentence) = summary::taps(&report.taps) {
        if !report.programs.is_empty() || report.is_floor() {
            writeln!(out)?;
        }
        page.sentence(out, "", &sentence)?;
    }
    Ok(())
}

/// The thresholds in one sentence.
fn rule(thresholds: Thresholds) -> String {
    format!(
        "Preload: what at least {} and {} % of a role's processes load, what at least {} and {} % of them load \
         again after a respawn or a late start, or what takes {} in dlopen.",
        thresholds.min_processes,
        thresholds.min_share_percent,
        thresholds.min_processes,
        thresholds.min_again_percent(),
        micros(thresholds.slow_micros),
    )
}

impl Page {
    fn program(&self, out: &mut dyn Write, program: &ProgramReport) -> io::Result<()> {
        let label = escape::terminal(&program.label);
        self.sentence(out, "", &format!("{}: {}", self.paint(HEADING, &label), summary::sentence(program)))?;
        for (reason, number) in program.not_sent.iter().filter(|(_, number)| *number > 0) {
            let text = format!("{} not sent: {}", count(*number, "event"), loss::reason_in_words(reason));
            self.sentence(out, "  ", &text)?;
        }
        for text in unread::sentences(program) {
            self.sentence(out, "  ", &text)?;
        }
        writeln!(out)?;
        self.roles(out, program)?;
        let shown = |finding: &&Finding| matches!(finding.verdict, Verdict::Preload | Verdict::LeaveLazy);
        // What children repeat stands at the children alone.
        let once = |finding: &&Finding| !finding.is_repeated_below;
        let loads: Vec<&Finding> = program.findings.iter().filter(shown).filter(once).collect();
        if !loads.is_empty() {
            writeln!(out)?;
            self.loads(out, program, &loads)?;
        }
        let optional: Vec<&Finding> =
            program.findings.iter().filter(|finding| finding.verdict == Verdict::Optional).collect();
        if !optional.is_empty() {
            writeln!(out)?;
            self.sentence(out, "  ", "Searched for and never found (optional: no code, only searches):")?;
            self.searches(out, program, &optional)?;
        }
        let shared = summary::shared(program);
        if !shared.is_empty() {
            writeln!(out)?;
        }
        for text in shared {
            self.sentence(out, "  ", &format!("Already shared: {text}"))?;
        }
        self.forks(out, program)?;
        self.executed(out, program)
    }

    /// Programs that are executed again and again.
    fn executed(&self, out: &mut dyn Write, program: &ProgramReport) -> io::Result<()> {
        let sentences: Vec<String> = execs::sentences(program).collect();
        if sentences.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let heading = format!("Executed again and again (at least {} times):", execs::MIN_RUNS);
        self.sentence(out, "  ", &heading)?;
        sentences.iter().try_for_each(|text| self.sentence(out, "  ", text))
    }

    /// Whether late loads have come to an end, where that is known.
    fn readiness(&self, out: &mut dyn Write, program: &ProgramReport, until_micros: u64) -> io::Result<()> {
        let lines = refork::lines(program, until_micros);
        if !lines.is_empty() {
            writeln!(out)?;
            self.sentence(out, "  ", "New files over time, until now:")?;
        }
        lines.iter().try_for_each(|line| self.sentence(out, "  ", line))
    }

    /// What forking itself costs, where it was measured.
    fn forks(&self, out: &mut dyn Write, program: &ProgramReport) -> io::Result<()> {
        let rows = forks::rows(program);
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let text = "Forks: how long each held its forker up on average, and what stood beside the thread that \
                    forked. The larger the forker, the longer it takes:";
        self.sentence(out, "  ", text)?;
        let mut table = Columns::titled(&forks::TITLES, "FORKED AT");
        rows.iter().for_each(|row| table.push(row.cells.clone()));
        self.head(out, "  ", &table)?;
        for row in &rows {
            self.row(
                out,
                "  ",
                &table,
                &Row { cells: &row.cells, about: &row.place, note: "", style: None },
            )?;
        }
        forks::preloading(program).map_or(Ok(()), |text| self.sentence(out, "  ", &text))
    }

    fn roles(&self, out: &mut dyn Write, program: &ProgramReport) -> io::Result<()> {
        let width = program.roles.iter().map(|role| role.id.len()).max().unwrap_or(0);
        for role in &program.roles {
            let processes = count(role.processes, "process");
            let parent = role.parent.and_then(|parent| program.roles.get(parent));
            let origin = match (parent, role.forked_at()) {
                (Some(parent), Some(place)) => format!(", forked by {} at {place}", parent.id),
                (Some(parent), None) => format!(", forked by {}", parent.id),
                (None, _) => String::new(),
            };
            self.sentence(out, "  ", &format!("{:width$}  {processes}{origin}", role.id))?;
            if let Some(text) = summary::memory(&role.memory) {
                let indent = if self.has_room(width + 60) { width + 4 } else { ASIDE_INDENT.len() };
                self.sentence(out, &" ".repeat(indent), &self.paint(ASIDE, &text))?;
            }
        }
        Ok(())
    }

    fn loads(&self, out: &mut dyn Write, program: &ProgramReport, findings: &[&Finding]) -> io::Result<()> {
        let again = findings.iter().any(|finding| finding.respawned > 0);
        // Where processes took the place of others, they are more than there are workers.
        let who = if again { ">PROCESSES" } else { ">WORKERS" };
        let titles = ["<VERDICT", who, ">FILES", ">SIZE", ">TIME", ">PRIVATE"];
        let roles = tells_roles(program, findings);
        let mut table = columns(&titles, "WHAT", roles);
        let places = summary::places(program);
        for finding in findings {
            let cost = finding.cost;
            let time = match (cost.micros, cost.is_estimate) {
                (0, _) => "-".to_owned(),
                (time, true) => format!("~{}", micros(time)),
                (time, false) => micros(time),
            };
            table.push(with_role(
                roles.then_some(program),
                finding,
                vec![
                    finding.verdict.word().to_owned(),
                    format!("{} of {}", finding.workers, finding.of),
                    cost.files.to_string(),
                    bytes(cost.bytes),
                    time,
                    format!("~{}", bytes(cost.private_kib.saturating_mul(1024))),
                ],
            ));
        }
        let notes = notes(program, findings);
        self.table(out, &table, findings, &notes, |finding| {
            let mut lines = asked_by(finding);
            lines.extend(brought(program, finding));
            lines.extend(again_after(finding));
            lines.extend(also_above(program, finding));
            if places.len() > 1 && finding.verdict == Verdict::Preload {
                lines.extend(load_it(program, finding));
            }
            lines
        })
    }

    fn searches(
        &self,
        out: &mut dyn Write,
        program: &ProgramReport,
        findings: &[&Finding],
    ) -> io::Result<()> {
        let roles = tells_roles(program, findings);
        let mut table = columns(&[">WORKERS", ">SEARCHES", ">PROBES"], "NAME", roles);
        for finding in findings {
            let cells = vec![
                format!("{} of {}", finding.workers, finding.of),
                finding.searches.to_string(),
                finding.probes.to_string(),
            ];
            table.push(with_role(roles.then_some(program), finding, cells));
        }
        self.table(out, &table, findings, &[], asked_by)
    }

    /// A line below a row.
    fn aside(&self, out: &mut dyn Write, Aside { verb, place, detail }: &Aside) -> io::Result<()> {
        let taken = ASIDE_INDENT.len() + verb.len() + 1;
        let text = if self.has_room(taken + detail.width() + place.width().min(LEAST_PLACE)) {
            format!("{}{detail}", self.fitted(place, taken + detail.width()))
        } else {
            self.fitted(&format!("{place}{detail}"), taken)
        };
        writeln!(out, "{ASIDE_INDENT}{}", self.paint(ASIDE, &format!("{verb} {text}")))
    }

    /// Rows of short columns with what they are about behind them, and more lines and notes below that.
    fn table<L>(
        &self,
        out: &mut dyn Write,
        table: &Columns,
        findings: &[&Finding],
        notes: &[Vec<String>],
        lines_below: impl Fn(&Finding) -> L,
    ) -> io::Result<()>
    where
        L: IntoIterator<Item = Aside>,
    {
        self.head(out, "  ", table)?;
        let mut notes = notes.iter();
        for (cells, finding) in table.rows().iter().zip(findings) {
            let style = (finding.verdict == Verdict::Preload).then_some(URGENT);
            let about = escape::terminal(&finding.what);
            self.row(out, "  ", table, &Row { cells, about: &about, note: "", style })?;
            for aside in lines_below(finding) {
                self.aside(out, &aside)?;
            }
            for note in notes.next().into_iter().flatten() {
                self.sentence(out, ASIDE_INDENT, &format!("{} {note}", self.paint(URGENT, "mind")))?;
            }
        }
        Ok(())
    }
}

/// Whether rows tell their role: only where they are of several.
fn tells_roles(program: &ProgramReport, findings: &[&Finding]) -> bool {
    let several = findings.iter().map(|finding| finding.role).collect::<HashSet<_>>().len() > 1;
    several && program.roles.len() > 2
}

fn columns(titles: &[&str], about: &'static str, tells_roles: bool) -> Columns {
    Columns::titled(&titles.iter().copied().chain(tells_roles.then_some("<ROLE")).collect::<Vec<_>>(), about)
}

fn with_role(program: Option<&ProgramReport>, finding: &Finding, mut cells: Vec<String>) -> Vec<String> {
    if let Some(program) = program {
        cells.push(program.roles.get(finding.role).map(|role| role.id.clone()).unwrap_or_default());
    }
    cells
}

fn asked_by(finding: &Finding) -> Vec<Aside> {
    let aside = |caller: &Caller| {
        let (place, detail) = caller.text();
        Aside { verb: "asked by", place, detail }
    };
    finding.caller.iter().map(aside).collect()
}

/// What to look at before each finding is followed; what several have in common stands at the first of them.
fn notes(program: &ProgramReport, findings: &[&Finding]) -> Vec<Vec<String>> {
    let mut told = HashSet::new();
    let fresh = |finding: &&Finding| {
        let texts = safety::notes(program, finding).into_iter().map(|note| match note.source() {
            Some(source) => format!("{} ({source})", note.text()),
            None => note.text(),
        });
        texts.filter(|text| told.insert(text.clone())).collect()
    };
    findings.iter().map(fresh).collect()
}

/// What else a load brought, largest first.
fn brought(program: &ProgramReport, finding: &Finding) -> Option<Aside> {
    let mut rest = finding.tree.as_ref()?.loads().split_off(1);
    if rest.is_empty() {
        return None;
    }
    // The program's loads are sorted by size, so the index is the rank.
    rest.sort_unstable();
    let mut names: Vec<String> = rest
        .iter()
        .take(BROUGHT_NAMES)
        .filter_map(|&index| program.loads.get(index))
        .map(|load| escape::terminal(file_name(&load.path)))
        .collect();
    if rest.len() > names.len() {
        names.push(format!("{} more", rest.len() - names.len()));
    }
    Some(Aside { verb: "brings", place: names.join(", "), detail: String::new() })
}
