//! A baseline: the late loads that somebody has accepted, in a text file that is kept with the program.
//!
//! ```text
//! alive-baseline 1
//!
//! program gunicorn
//!   role arbiter.py:spawn_worker
//!     # Needed by one page only.
//!     late /usr/lib/python*/sqlite3/__pycache__/__init__.cpython-*.pyc
//!     missing ujson
//! ```
//!
//! One line is one file or name. Lines are sorted, so that two versions of a baseline differ in the lines that
//! matter. A `#` begins a comment line, which belongs to the entry below it. What stands behind `program`,
//! `role`, `late` and `missing` is a [`pattern`]: in a new baseline version numbers have given way to
//! `*`, so that an upgrade of the interpreter, of a library or of the application does not break it.
//!
//! [`text`] reads and writes the file, [`compare`] holds a report against it.

pub mod compare;
pub mod pattern;
pub mod text;

use crate::caller::file_name;
use crate::role::Role;
use pattern::Pattern;

/// What an entry accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file that is loaded after the fork.
    Late,
    /// A name that is searched for and never found.
    Missing,
}

/// One accepted file or name. Sorted as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Labels of the programs.
    pub program: Pattern,
    /// Roles, by [`role_key`].
    pub role: Pattern,
    /// What is accepted.
    pub kind: Kind,
    /// Path or name.
    pub what: Pattern,
    /// The comment lines above it, as they stand there.
    pub comments: Vec<String>,
}

impl Entry {
    /// What entries are sorted by, and equal by.
    fn key(&self) -> (&Pattern, &Pattern, Kind, &Pattern) {
        (&self.program, &self.role, self.kind, &self.what)
    }
}

/// A whole baseline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// Comment lines before the first line that says something.
    pub heading: Vec<String>,
    /// What is accepted, in the order of the file.
    pub entries: Vec<Entry>,
    /// Comment lines behind the last entry.
    pub ending: Vec<String>,
}

/// What a role is called in a baseline: the places that fork on the way from the first process to it, without
/// the numbers of lines and versions, which change with every edit and upgrade: `cluster.rb:spawn_worker > worker.rb:spawn_worker`. The
/// names of a report (`worker-2`) would change with the number of roles that were seen.
#[must_use]
pub fn role_key(roles: &[Role], role: usize) -> Vec<u8> {
    let mut places: Vec<Vec<u8>> = crate::role::ancestry(roles, role)
        .into_iter()
        .filter_map(|at| roles.get(at))
        .filter(|role| role.parent.is_some())
        .map(place)
        .collect();
    places.reverse();
    places.join(&b" > "[..])
}

/// A module's name without its version: `libperl.so` for `libperl.so.5.36`, `python` for `python3.11`.
fn unversioned(name: &[u8]) -> &[u8] {
    const LIBRARY: &[u8] = b".so";
    if let Some(at) = name.windows(LIBRARY.len()).position(|part| part == LIBRARY) {
        return name.get(..at + LIBRARY.len()).unwrap_or(name);
    }
    let version = name.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    name.get(..name.len() - version).filter(|name| !name.is_empty()).unwrap_or(name)
}

/// One place that forks.
fn place(role: &Role) -> Vec<u8> {
    let (file, function) = match (&role.fork_line, &role.fork_site) {
        (Some(line), _) => (file_name(&line.file), line.function.as_slice()),
        (None, Some(site)) => {
            let symbol = site.symbol.as_deref().unwrap_or_default();
            (unversioned(file_name(&site.module)), symbol.split('+').next().unwrap_or_default().as_bytes())
        }
        (None, None) => (&b""[..], &b""[..]),
    };
    // Perl numbers the texts that it evaluates.
    let file = if file.starts_with(b"(eval ") { &b"(eval)"[..] } else { file };
    match (file, function) {
        (b"", b"") => b"?".to_vec(),
        (file, b"") => file.to_vec(),
        (file, function) => [file, b":", function].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::role_key;
    use crate::role::name_roles;
    use alive_store::model::{LanguageFrame, Role, Site};

    fn role(parent: Option<usize>, module: &str, symbol: Option<&str>, line: Option<(&str, &str)>) -> Role {
        let site = Site { module: module.into(), symbol: symbol.map(Into::into), ..Site::default() };
        let line = line.map(|(file, function)| LanguageFrame {
            language: String::new(),
            file: file.into(),
            line: 97,
            function: function.into(),
        });
        let site = parent.map(|_| site);
        Role { parent, site, line, processes: 1, trees: 1, ..Role::default() }
    }

    #[test]
    fn a_role_is_called_by_the_places_that_fork_it() {
        let perl = Some(("(eval 6)", ""));
        let roles = name_roles(&[
            role(None, "", None, None),
            role(Some(0), "/usr/lib/libruby.so.3.1", None, Some(("/gems/puma/cluster.rb", "spawn_worker"))),
            role(Some(1), "/usr/lib/libperl.so.5.36", Some("Perl_pp_fork+0x7e"), None),
            role(Some(0), "/usr/bin/python3.11", None, None),
            role(Some(3), "/usr/bin/perl", Some("Perl_pp_fork+0x7e"), perl),
            role(Some(0), "/srv/5", None, None),
            role(Some(0), "", None, None),
        ]);
        let key = |role| String::from_utf8(role_key(&roles, role)).unwrap();
        assert_eq!(key(1), "cluster.rb:spawn_worker");
        assert_eq!(key(2), "cluster.rb:spawn_worker > libperl.so:Perl_pp_fork");
        assert_eq!(key(3), "python");
        assert_eq!(key(4), "python > (eval)");
        assert_eq!((key(5).as_str(), key(6).as_str(), key(0).as_str()), ("5", "?", ""));
    }
}
