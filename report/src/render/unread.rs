//! Where an interpreter's lines are missing, and why: callers are places in machine code there.

use alive_store::model::{LineCount, UNTOLD};

use crate::escape;
use crate::findings::ProgramReport;
use crate::render::units::count;

/// One sentence for each reason why loads have no lines; empty when nothing is missing. Not telling why is
/// what somebody wished who turned the lines off.
pub(crate) fn sentences(program: &ProgramReport) -> Vec<String> {
    program.lines.iter().filter_map(|unread| sentence(program, unread)).collect()
}

fn sentence(program: &ProgramReport, unread: &LineCount) -> Option<String> {
    let reason = unread.no_lines.as_deref().filter(|&reason| reason != UNTOLD && unread.loads > 0)?;
    let same = |line: &&LineCount| line.language == unread.language;
    let all = program.lines.iter().filter(same).fold(0u64, |sum, line| sum.saturating_add(line.loads));
    let of_language = program.interpreters.iter().filter(|known| known.language == unread.language);
    let off: Vec<_> = of_language.clone().filter(|known| known.no_lines.as_deref() == Some(reason)).collect();
    let is_off = !off.is_empty();
    let mut name = language(&unread.language);
    for known in of_language.filter(|known| !known.version.is_empty() && (!is_off || off.contains(known))) {
        name = format!("{name} {}", escape::terminal(&known.version));
    }
    let reason = escape::terminal(reason.as_bytes());
    let loads = format!("{} of {}", unread.loads, count(all, "load"));
    Some(if is_off {
        format!("lines of {name} are not read: {reason} ({loads})")
    } else {
        format!("{loads} came without lines of {name}: {reason}")
    })
}

/// A language as people write it.
fn language(word: &str) -> String {
    match word {
        "perl" => "Perl".into(),
        "python" => "Python".into(),
        "ruby" => "Ruby".into(),
        "php" => "PHP".into(),
        other => escape::terminal(other.as_bytes()),
    }
}
