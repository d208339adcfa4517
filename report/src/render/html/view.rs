//! What the parts of the page have in common: what is spared, and what a person calls a place or a file.

use alive_store::model::{LanguageFrame, Site};

use crate::caller::Caller;
use crate::findings::{Finding, ProgramReport};
use crate::forest::Node;
use crate::render::json::object::text;

/// Whether a program has anything to tell of forks.
pub(super) fn is_told(program: &ProgramReport) -> bool {
    !program.findings.is_empty() || program.roles.iter().any(|role| role.parent.is_some())
}

/// What loading once instead of in every process would spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spared {
    /// Sizes of the files, one for each repeated load.
    pub(super) bytes: u64,
    /// Microseconds; 0 where none were measured.
    pub(super) micros: u64,
    /// Private memory, in KiB; 0 where it is not known.
    pub(super) private_kib: u64,
}

impl Spared {
    /// By a finding and all that it brought.
    pub(super) fn by(program: &ProgramReport, finding: &Finding) -> Self {
        finding.tree.as_ref().map_or_else(Self::default, |tree| Self::by_node(program, tree))
    }

    /// By a load in every process but the first, and by all below it. Nesting is bounded by the forest.
    fn by_node(program: &ProgramReport, node: &Node) -> Self {
        let repeats = program.loads.get(node.load).map_or(0, |load| load.processes.saturating_sub(1));
        let own = program.costs.own(node.load);
        let alone = Self {
            bytes: repeats.saturating_mul(own.bytes),
            micros: repeats.saturating_mul(own.micros),
            private_kib: repeats.saturating_mul(own.private_kib),
        };
        node.children.iter().map(|below| Self::by_node(program, below)).fold(alone, Self::plus)
    }

    /// How much of another one this is, in percent, by the measure that is shown.
    pub(super) fn share_of(self, all: Self) -> u64 {
        let (part, whole) =
            if all.private_kib > 0 { (self.private_kib, all.private_kib) } else { (self.bytes, all.bytes) };
        part.saturating_mul(100) / whole.max(1)
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            micros: self.micros.saturating_add(other.micros),
            private_kib: self.private_kib.saturating_add(other.private_kib),
        }
    }
}

/// Who asked, in a line: the place and what stands behind it.
pub(super) fn caller(caller: &Caller) -> String {
    match caller {
        Caller::Language(line) => self::line(line),
        Caller::Native(site) => place(site),
    }
}

/// A line of an interpreted language.
pub(super) fn line(line: &LanguageFrame) -> String {
    let number = match line.line {
        0 => String::new(),
        number => format!(":{number}"),
    };
    let function = match &*text(&line.function) {
        "" => String::new(),
        name => format!(" in {name}"),
    };
    format!("{}{number}{function}", text(&line.file))
}

/// A place in machine code.
pub(super) fn place(site: &Site) -> String {
    let module = text(&site.module);
    let module = name(&module);
    match &site.symbol {
        Some(symbol) => format!("{module} {symbol}"),
        None => format!("{module}+{:#x}", site.offset),
    }
}

/// What stands behind the last slash.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a person calls a file: its name, with its folder where the name alone tells nothing, and its source's
/// where it is a compiled Python file.
pub(super) fn title(path: &str) -> String {
    let mut parts = path.rsplit('/').filter(|part| *part != "__pycache__");
    let name = parts.next().unwrap_or(path);
    let name = match name.strip_suffix(".pyc").and_then(|stem| stem.split('.').next()) {
        Some(module) => format!("{module}.py"),
        None => name.to_owned(),
    };
    match parts.next() {
        Some(folder) if !folder.is_empty() && is_told_by_its_folder(&name, folder) => {
            format!("{folder}/{name}")
        }
        _ => name,
    }
}

/// Whether a name alone tells nothing: every package has one, or its folder is the first part of its name, as of a
/// module of Perl.
fn is_told_by_its_folder(name: &str, folder: &str) -> bool {
    let is_perls = name.ends_with(".pm") && folder.starts_with(|first: char| first.is_ascii_uppercase());
    is_perls || GENERAL.iter().any(|stem| name.starts_with(stem))
}

/// Beginnings of file names that every package has.
const GENERAL: &[&str] =
    &["__init__.", "__main__.", "base.", "core.", "index.", "main.", "utils.", "version."];

#[cfg(test)]
mod tests {
    use super::{Spared, caller, title};
    use crate::caller::Caller;
    use crate::{Report, Selection};
    use alive_store::model::{LanguageFrame, Load, Program, Role, Site, Snapshot};

    fn load(path: &str, pulled_in_by: &str, processes: u64, bytes: u64) -> Load {
        Load {
            role: 1,
            path: path.into(),
            pulled_in_by: pulled_in_by.into(),
            // Of a library whose dlopen was measured, what it needs counts with it.
            kind: "module".into(),
            outcome: "loaded".into(),
            processes,
            bytes,
            nanos: processes * 40_000,
            ..Load::default()
        }
    }

    #[test]
    fn what_is_spared_is_what_the_second_and_every_further_process_repeats() {
        let role = |parent| Role { parent, processes: 4, ..Role::default() };
        let program = Program {
            roles: vec![role(None), role(Some(0))],
            loads: vec![
                load("/a.so", "", 4, 2_000),
                load("/b.so", "/a.so", 2, 1_000),
                load("/c.so", "/b.so", 1, 500),
            ],
            ..Program::default()
        };
        let snapshot = Snapshot { programs: vec![program], ..Snapshot::default() };
        let report = Report::new(snapshot, &Selection::default());
        let [program] = &report.programs[..] else { panic!("one program") };
        let [finding] = &program.findings[..] else { panic!("one cause: {:?}", program.findings) };
        // 2,000 bytes in four processes, 1,000 in two, 500 in one; 2 KiB, 1 KiB, 1 KiB; 40 microseconds each.
        assert_eq!(
            Spared::by(program, finding),
            Spared { bytes: 3 * 2_000 + 1_000, micros: 4 * 40, private_kib: 3 * 2 + 1 }
        );
    }

    #[test]
    fn a_share_is_of_memory_where_that_is_known() {
        let part = Spared { bytes: 20, micros: 0, private_kib: 14 };
        let all = Spared { bytes: 100, micros: 0, private_kib: 70 };
        assert_eq!(part.share_of(all), 20);
        let part = Spared { bytes: 2_100, micros: 130, private_kib: 0 };
        assert_eq!(part.share_of(Spared { bytes: 4_200, ..Spared::default() }), 50);
    }

    #[test]
    fn a_caller_is_a_line_or_a_place_in_machine_code() {
        let line = LanguageFrame {
            language: "python".into(),
            file: b"/srv/a.py".to_vec(),
            line: 3,
            function: b"f".to_vec(),
        };
        assert_eq!(caller(&Caller::Language(line)), "/srv/a.py:3 in f");
        let place = Site { module: b"/usr/lib/libx.so".to_vec(), offset: 16, ..Site::default() };
        assert_eq!(caller(&Caller::Native(place)), "libx.so+0x10");
    }

    #[test]
    fn a_title_is_what_a_person_calls_the_file() {
        for (path, expected) in [
            ("/usr/share/perl5/LWP/UserAgent.pm", "LWP/UserAgent.pm"),
            ("/usr/lib/perl5/POSIX.pm", "POSIX.pm"),
            ("/lib/django/urls/__pycache__/__init__.cpython-311.pyc", "urls/__init__.py"),
            ("/lib/__pycache__/decimal.cpython-311.opt-1.pyc", "decimal.py"),
            ("optional", "optional"),
            ("/__init__.py", "__init__.py"),
        ] {
            assert_eq!(title(path), expected);
        }
    }
}
