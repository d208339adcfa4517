//! A whole list: the comments that tell what it is, and its lines.

use std::fmt::Write as _;

use crate::escape;
use crate::findings::{ProgramReport, Report};
use crate::render::units;

use super::choose::Choice;
use super::{Dialect, Share, Wish};

/// Writes the page.
pub(super) fn write(
    report: &Report,
    program: &ProgramReport,
    choice: &Choice,
    dialect: &dyn Dialect,
    wish: &Wish,
) -> String {
    let mut comments = Comments { out: dialect.opening().to_owned(), leader: dialect.comment() };
    // Python and Ruby take words of the first two lines for orders: nothing that was traced may stand there.
    comments.line(dialect.title());
    comments.line(&format!("Written by `alive preload --for {}`.", wish.ecosystem.word()));
    comments.line("");
    for line in dialect.advice() {
        comments.line(line);
    }
    comments.line("");
    comments.line(&format!("Program: {}", escape::terminal(&program.label)));
    for &role in &choice.loaded_by {
        let Some(role) = program.roles.get(role) else { continue };
        let processes = if role.processes == 1 { "process" } else { "processes" };
        let at = role.forked_at().map(|at| format!(", forked at {at}")).unwrap_or_default();
        comments.line(&format!("Loaded late by: {} ({} {processes}{at})", role.id, role.processes));
    }
    let homes: Vec<&str> = choice
        .load_in
        .iter()
        .filter_map(|&role| program.roles.get(role))
        .map(|role| role.id.as_str())
        .collect();
    if !homes.is_empty() {
        comments.line(&format!("To be loaded in: {}", homes.join(", ")));
    }
    let thresholds = report.thresholds;
    let share = match if wish.all { Share::Any } else { dialect.share() } {
        Share::Any => "loaded by any process".to_owned(),
        Share::OfThoseThatMay => format!("loaded by at least {} processes", thresholds.min_processes),
        Share::OfAll => format!(
            "loaded by at least {} processes and {} % of a role ({} % after respawns)",
            thresholds.min_processes,
            thresholds.min_share_percent,
            thresholds.min_again_percent()
        ),
    };
    comments.line(&format!("Chosen: {share}, or slow ({})", units::micros(thresholds.slow_micros)));
    for reason in choice.reasons() {
        comments.line(&reason);
    }
    if report.is_floor() {
        comments.line("Events were lost: there may be more to load than this.");
    }
    let mut out = comments.out;
    out.push('\n');
    dialect.write(&choice.entries, &mut out);
    out
}

struct Comments {
    out: String,
    leader: &'static str,
}

impl Comments {
    fn line(&mut self, text: &str) {
        let line = commented(self.leader, text);
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{line}");
    }
}

/// A comment up to the end of its line. `text` holds no newline: it is ours, or escaped for a terminal.
pub(super) fn commented(leader: &str, text: &str) -> String {
    let text = match leader {
        // PHP ends there, comment or not.
        "//" => text.replace("?>", "? >"),
        // Apache and uWSGI go on in the next line, comment or not.
        _ if text.ends_with('\\') => format!("{text}."),
        _ => text.to_owned(),
    };
    format!("{leader} {text}").trim_end().to_owned()
}
