//! What of a report a page holds: no more rows than a browser takes.

use std::collections::HashSet;

use crate::findings::{Finding, ProgramReport, Report};
use crate::render::json::Part;

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LeftOut {
    /// Findings, the last of each program.
    pub(super) findings: u64,
    /// Loads, with their stacks; what they are part of is told by the findings.
    pub(super) loads: u64,
}

/// The part of each program that fits: of findings together, and of each program's loads, `most`.
pub(super) fn cut(report: &Report, most: usize) -> (Vec<Part<'_>>, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut room = most;
    let mut part = |program| {
        let findings = first(program, &mut room);
        let loads = largest(program, findings, most);
        left_out.findings += program.findings.len().saturating_sub(findings.len()) as u64;
        left_out.loads += program.loads.len().saturating_sub(loads.len()) as u64;
        Part { program, findings, loads }
    };
    let parts = report.programs.iter().map(&mut part).collect();
    (parts, left_out)
}

/// The first findings, those whose files together fit into the room.
fn first<'a>(program: &'a ProgramReport, room: &mut usize) -> &'a [Finding] {
    let fits = program.findings.iter().take_while(|finding| {
        let files = usize::try_from(finding.cost.files).unwrap_or(usize::MAX).max(1);
        let fits = files <= *room;
        *room = room.saturating_sub(files);
        fits
    });
    // The first one is the story, however large.
    let kept = fits.count().max(1);
    program.findings.get(..kept).unwrap_or(&program.findings)
}

/// The loads that findings are about, and the largest others.
fn largest(program: &ProgramReport, findings: &[Finding], most: usize) -> Vec<usize> {
    let all = program.loads.len();
    if all <= most {
        return (0..all).collect();
    }
    let about: HashSet<(usize, &[u8])> =
        findings.iter().map(|finding| (finding.role, finding.what.as_slice())).collect();
    let mut others = most.saturating_sub(about.len());
    let kept = program.loads.iter().enumerate().filter(|(_, load)| {
        if about.contains(&(load.role, load.path.as_slice())) {
            return true;
        }
        let has_room = others > 0;
        others = others.saturating_sub(1);
        has_room
    });
    kept.map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use alive_store::model::{Load, Program, Role, Snapshot};

    use super::super::roles;
    use super::{LeftOut, cut};
    use crate::{Report, Selection};

    #[test]
    fn what_does_not_fit_is_counted_and_a_findings_own_load_stays() {
        let role = |parent| Role { parent, processes: 8, ..Role::default() };
        // The smaller the file the more processes load it, so that the largest is the last to preload.
        let load = |path: &str, processes, bytes| Load {
            role: 1,
            path: path.into(),
            outcome: "loaded".into(),
            processes,
            bytes,
            ..Load::default()
        };
        let program = Program {
            roles: vec![role(None), role(Some(0))],
            loads: vec![
                load("/first", 8, 10_000),
                load("/second", 7, 10_001),
                load("/rare", 1, 90_000),
                load("/large", 1, 90_001),
                load("/small", 1, 10),
            ],
            ..Program::default()
        };
        let snapshot = Snapshot { programs: vec![program], ..Snapshot::default() };
        let report = Report::new(snapshot, &Selection::default());
        let (parts, left_out) = cut(&report, 2);
        let [part] = &parts[..] else { panic!("one program") };
        let whats: Vec<&[u8]> = part.findings.iter().map(|finding| finding.what.as_slice()).collect();
        assert_eq!(whats, [b"/first".as_slice(), b"/second"]);
        let paths: Vec<&[u8]> = part.loads().map(|(_, load)| load.path.as_slice()).collect();
        assert_eq!(paths, [b"/second".as_slice(), b"/first"], "not the largest, but what is told");
        assert_eq!(left_out, LeftOut { findings: 3, loads: 3 });
        let mut drawn = Vec::new();
        roles::tree(part, &mut drawn).unwrap();
        assert!(String::from_utf8(drawn).unwrap().contains("5 files"), "what is counted counts all");
        let (parts, left_out) = cut(&report, 3);
        assert_eq!((parts[0].findings.len(), left_out), (3, LeftOut { findings: 2, loads: 2 }));
        assert_eq!(cut(&report, 5).1, LeftOut::default());
    }
}
