//! How a report differs from a baseline, for a person: `+` before what the baseline lacks, `-` before what is no
//! longer loaded.

use std::io::{self, Write};

use crate::baseline::compare::{Comparison, New};
use crate::baseline::{Kind, role_key};
use crate::escape;
use crate::findings::Verdict;
use crate::render::aside::later;
use crate::render::place;
use crate::render::units::count;

/// Writes the difference; the last line sums it up.
///
/// # Errors
/// Whatever `out` reports.
pub fn render(comparison: &Comparison<'_>, out: &mut dyn Write) -> io::Result<()> {
    for new in &comparison.new {
        let New { program, finding, what, files } = *new;
        let (label, role) =
            (escape::terminal(&program.label), escape::terminal(&role_key(&program.roles, finding.role)));
        let how = if finding.verdict == Verdict::Optional { "missing " } else { "" };
        writeln!(out, "+ {label}, {role}: {how}{}", escape::terminal(what))?;
        let mut about = vec![format!("{} of {}", finding.workers, count(finding.of, "process"))];
        if finding.respawned > 0 {
            about.push(format!("again after {}", later(finding.respawned)));
        }
        if files > 1 {
            about.push(format!("with {} that it brings", count(files as u64 - 1, "file")));
        }
        if let Some(caller) = &finding.caller {
            let (place, detail) = caller.text();
            about.push(format!("asked by {place}{detail}"));
        }
        writeln!(out, "    {}", about.join(", "))?;
        if let Some(place) = place::in_words(program, (finding.load_in, finding.load_before)) {
            writeln!(out, "    load it {place}")?;
        }
    }
    for entry in &comparison.gone {
        let how = if entry.kind == Kind::Missing { "missing " } else { "" };
        writeln!(out, "- {}, {}: {how}{}", entry.program, entry.role, entry.what)?;
    }
    let new: usize = comparison.new.iter().map(|new| new.files).sum();
    let mut sums = vec![format!("{} accepted", comparison.known), format!("{new} new")];
    for (number, word) in
        [(comparison.rare, "new but loaded by too few to fail"), (comparison.gone.len(), "gone")]
    {
        if number > 0 {
            sums.push(format!("{number} {word}"));
        }
    }
    writeln!(out, "Late loads: {}.", sums.join(", "))
}
