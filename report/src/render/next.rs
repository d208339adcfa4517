//! What to type next: the commands that follow from what a report or a list of taps has found.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::escape;
use crate::findings::{ProgramReport, Report, Verdict};
use crate::preload::Ecosystem;
use crate::render::layout::{HEADING, Medium, Page};
use crate::taps::Taps;

/// Most programs that are each told how to write their list.
const MAX_PROGRAMS: usize = 3;

/// Longest command of somebody else's that is repeated.
const MAX_TYPED: usize = 60;

/// A command, and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// As it is typed.
    pub command: String,
    /// What for, in a few words.
    pub purpose: &'static str,
}

/// After a report of this database; `None` for the collector's own.
#[must_use]
pub fn after_report(report: &Report, db: Option<&[u8]>) -> Vec<Next> {
    let lists = report.programs.iter().filter_map(|program| list(report, program)).take(MAX_PROGRAMS);
    let purpose = "what to load before the fork, to be pasted";
    let mut next: Vec<Next> = lists.map(|command| Next { command: with(command, db), purpose }).collect();
    if !next.is_empty() {
        let command = with("alive report --html report.html".to_owned(), db);
        next.push(Next { command, purpose: "the same in pictures" });
    }
    if !report.taps.taps.is_empty() {
        let command = with("alive taps".to_owned(), db);
        next.push(Next { command, purpose: "where taps were hit, and when last" });
    }
    next
}

/// The command that writes what one program of a report should preload; `None` where that is nothing.
pub(crate) fn list(report: &Report, program: &ProgramReport) -> Option<String> {
    let command = format!("alive preload --for {}", reader(program)?.word());
    Some(match report.programs.len() {
        1 => command,
        _ => format!("{command} --program {}", quoted(&program.label)),
    })
}

/// After a run whose database is gone with it: nothing can be asked of it any more, so it has to be run again.
#[must_use]
pub fn after_run(report: &Report, typed: &str) -> Vec<Next> {
    if !report.programs.iter().any(|program| reader(program).is_some()) {
        return Vec::new();
    }
    let command = format!("alive run --db alive.db --html report.html -- {typed}");
    vec![Next { command, purpose: "keeps what is found, for alive preload, and draws it" }]
}

/// A command as a shell reads it; a long one with an ellipsis.
#[must_use]
pub fn typed<'a>(words: impl Iterator<Item = &'a [u8]>) -> String {
    let all = words.map(quoted).collect::<Vec<_>>().join(" ");
    if all.len() <= MAX_TYPED { all } else { "...".to_owned() }
}

/// After a list of taps of this database; `None` for the collector's own.
#[must_use]
pub fn after_taps(taps: &Taps, db: Option<&[u8]>) -> Vec<Next> {
    let (command, purpose) = match &taps.silent {
        None => ("alive taps --scan DIR", "which taps of a source tree were never hit"),
        Some(_) if taps.since_micros == 0 => {
            ("alive taps --scan DIR --since 30d", "the same of the last days alone")
        }
        Some(_) => return Vec::new(),
    };
    vec![Next { command: with(command.to_owned(), db), purpose }]
}

/// After the memory of the tree of a process.
#[must_use]
pub fn after_memory(pid: u32) -> Vec<Next> {
    let command = format!("alive inspect {pid}");
    vec![Next { command, purpose: "which libraries its workers map and it does not" }]
}

/// After the inspection of a running daemon.
#[must_use]
pub fn after_inspection(pid: u32) -> Vec<Next> {
    let command = format!("alive mem {pid} --watch");
    vec![
        Next { command, purpose: "what its processes hold, again and again" },
        Next {
            command: "alive run -- COMMAND".to_owned(),
            purpose: "what they load, modules too, and who asks",
        },
    ]
}

/// After a comparison with this database, the later one.
#[must_use]
pub fn after_comparison(db: &[u8]) -> Vec<Next> {
    vec![Next {
        command: with("alive report".to_owned(), Some(db)),
        purpose: "what is loaded late still, and by whom",
    }]
}

/// Writes them below what they follow from; nothing where there are none.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(next: &[Next], medium: Medium, out: &mut dyn Write) -> io::Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    let page = Page::new(medium);
    writeln!(out, "\n{}", page.paint(HEADING, "Next:"))?;
    let width = next.iter().map(|next| next.command.len()).max().unwrap_or(0);
    let widest = next.iter().map(|next| next.purpose.len()).max().unwrap_or(0);
    for Next { command, purpose } in next {
        // A command is never broken: it is there to be copied.
        if page.has_room(width + widest + 4) {
            writeln!(out, "  {command:width$}  {purpose}")?;
        } else {
            writeln!(out, "  {command}")?;
            page.sentence(out, "      ", purpose)?;
        }
    }
    Ok(())
}

/// Who is to read what a program should preload; `None` where there is nothing of that kind.
fn reader(program: &ProgramReport) -> Option<Ecosystem> {
    let preload = || program.findings.iter().filter(|finding| finding.verdict == Verdict::Preload);
    preload().next()?;
    let label = String::from_utf8_lossy(&program.label);
    let known = [
        ("gunicorn", Ecosystem::Gunicorn),
        ("uwsgi", Ecosystem::Uwsgi),
        ("celery", Ecosystem::Celery),
        ("puma", Ecosystem::Puma),
        ("postgres", Ecosystem::Postgres),
    ];
    if let Some((_, ecosystem)) = known.iter().find(|(begins, _)| label.starts_with(begins)) {
        return Some(*ecosystem);
    }
    let mut scores: HashMap<&str, u64> = HashMap::new();
    for finding in preload() {
        let load = finding.tree.as_ref().and_then(|tree| program.loads.get(tree.load));
        let score = scores.entry(load.map_or("", |load| &load.language)).or_default();
        *score = score.saturating_add(finding.cost.score.max(1));
    }
    let most = scores.into_iter().max_by_key(|(language, score)| (*score, *language))?.0;
    // What belongs to no language that has a list of its own is the dynamic linker's.
    let of_language = [Ecosystem::Perl, Ecosystem::Python, Ecosystem::Ruby, Ecosystem::Php];
    Some(of_language.into_iter().find(|ecosystem| ecosystem.word() == most).unwrap_or(Ecosystem::Ld))
}

fn with(command: String, db: Option<&[u8]>) -> String {
    match db {
        Some(db) => format!("{command} --db {}", quoted(db)),
        None => command,
    }
}

/// A word as a shell reads it. What no terminal may see stands escaped: such a name is to be looked up.
fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:@%+,=-".contains(byte);
    let shown = escape::terminal(word);
    if !word.is_empty() && word.iter().all(is_plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, after_taps, quoted, render};
    use crate::render::table::Medium;
    use crate::taps::Taps;

    fn shown(columns: usize) -> String {
        let next =
            [Next { command: "alive taps --db a.db".to_owned(), purpose: "where taps were hit, and when" }];
        let mut out = Vec::new();
        render(&next, Medium { columns: Some(columns), color: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_command_stays_in_one_line_and_its_purpose_beside_or_below_it() {
        assert_eq!(shown(80), "\nNext:\n  alive taps --db a.db  where taps were hit, and when\n");
        assert_eq!(shown(40), "\nNext:\n  alive taps --db a.db\n      where taps were hit, and when\n");
    }

    #[test]
    fn a_word_that_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quoted(b"/var/lib/alive/alive.db"), "/var/lib/alive/alive.db");
        assert_eq!(quoted(b"my files/it's.db"), r"'my files/it'\''s.db'");
        assert_eq!(quoted(b"\x1b[31m"), r"'\x1b[31m'");
        assert_eq!(quoted(b""), "''");
    }

    #[test]
    fn after_taps_comes_the_source_tree_and_then_the_last_days() {
        let mut taps = Taps::default();
        let told =
            |taps: &Taps| after_taps(taps, None).into_iter().map(|next| next.command).collect::<Vec<_>>();
        assert_eq!(told(&taps), ["alive taps --scan DIR"]);
        taps.silent = Some(Vec::new());
        assert_eq!(told(&taps), ["alive taps --scan DIR --since 30d"]);
        taps.since_micros = 1;
        assert!(told(&taps).is_empty());
    }
}
