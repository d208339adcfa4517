//! What is said below a row of the table.

use crate::findings::{Finding, ProgramReport};
use crate::render::place;
use crate::render::units::count;

/// A line below a row: a verb, then a text that may be shortened, then one that may not.
pub(crate) struct Aside {
    pub(crate) verb: &'static str,
    pub(crate) place: String,
    pub(crate) detail: String,
}

/// Processes that came when a sibling had loaded the file. Most take the place of one that ended; that a daemon was
/// only slow to start them cannot be told from it.
pub(crate) fn later(processes: u64) -> String {
    let ending = if processes == 1 { "" } else { "s" };
    format!("{} or late start{ending}", count(processes, "respawn"))
}

/// How often it was loaded by a process that came later.
pub(crate) fn again_after(finding: &Finding) -> Option<Aside> {
    // One worker that began a moment after the others is no news.
    (finding.respawned > 1).then(|| Aside {
        verb: "again after",
        place: String::new(),
        detail: later(finding.respawned),
    })
}

/// The processes that it was forked from too early to have it from them.
pub(crate) fn also_above(program: &ProgramReport, finding: &Finding) -> Option<Aside> {
    let roles = finding.also_in.iter().filter_map(|&role| program.roles.get(role));
    let ids: Vec<&str> = roles.map(|role| role.id.as_str()).collect();
    let place = format!("{}, which forked it too early to share it", ids.join(" and "));
    (!ids.is_empty()).then(|| Aside { verb: "also in the", place: String::new(), detail: place })
}

/// Where it should be loaded.
pub(crate) fn load_it(program: &ProgramReport, finding: &Finding) -> Option<Aside> {
    let place = place::in_words(program, (finding.load_in, finding.load_before))?;
    Some(Aside { verb: "load it", place: String::new(), detail: place })
}
