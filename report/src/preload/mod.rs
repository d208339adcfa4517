//! Lists of what to load before the fork, in the words of those who load it, ready to be pasted.
//!
//! [`list`] goes through these rooms: [`choose`] takes from the findings what the wanted list can load,
//! each under the name that [`perl`], [`python`], [`ruby`], [`php`], [`postgres`] or [`ld`] works out for
//! it, held against the [`disk`] where a path alone does not tell; [`page`] writes what it is, where it
//! goes and what was left out, as comments, around the lines themselves. [`gunicorn`], [`uwsgi`],
//! [`celery`], [`puma`], [`prefork`] and [`mod_perl`] know the same names in the words of one server.
//!
//! A list never holds a name that its reader would take for something else: what cannot be written
//! without doubt is left out, and the comments say so.

mod celery;
mod choose;
pub mod disk;
mod gunicorn;
mod ld;
mod mod_perl;
mod page;
mod perl;
mod php;
mod postgres;
mod prefork;
mod puma;
mod python;
mod ruby;
#[cfg(test)]
mod samples;
mod uwsgi;

use std::collections::BTreeMap;

use alive_store::model::Load;

use crate::escape;
use crate::findings::Report;
use disk::Disk;

/// Who is to read the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ecosystem {
    /// Perl: `use` lines in a module of their own.
    Perl,
    /// Perl's `prefork.pm`.
    Prefork,
    /// Apache with `mod_perl`.
    ModPerl,
    /// Python: `import` lines.
    Python,
    /// A `gunicorn.conf.py`.
    Gunicorn,
    /// A `uwsgi.ini`.
    Uwsgi,
    /// A module with a Celery application.
    Celery,
    /// Ruby: `require` lines.
    Ruby,
    /// A `puma.rb`.
    Puma,
    /// The file that `opcache.preload` names.
    Php,
    /// A `postgresql.conf`.
    Postgres,
    /// The dynamic linker: `LD_PRELOAD`.
    Ld,
}

impl Ecosystem {
    /// Every one, in the order of the help.
    pub const ALL: [Self; 12] = [
        Self::Perl,
        Self::Prefork,
        Self::ModPerl,
        Self::Python,
        Self::Gunicorn,
        Self::Uwsgi,
        Self::Celery,
        Self::Ruby,
        Self::Puma,
        Self::Php,
        Self::Postgres,
        Self::Ld,
    ];

    /// The word by which it is asked for.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Perl => "perl",
            Self::Prefork => "prefork",
            Self::ModPerl => "mod-perl",
            Self::Python => "python",
            Self::Gunicorn => "gunicorn",
            Self::Uwsgi => "uwsgi",
            Self::Celery => "celery",
            Self::Ruby => "ruby",
            Self::Puma => "puma",
            Self::Php => "php",
            Self::Postgres => "postgres",
            Self::Ld => "ld",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ecosystem| ecosystem.word() == word)
    }

    const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Perl => &perl::Perl,
            Self::Prefork => &prefork::Prefork,
            Self::ModPerl => &mod_perl::ModPerl,
            Self::Python => &python::Python,
            Self::Gunicorn => &gunicorn::Gunicorn,
            Self::Uwsgi => &uwsgi::Uwsgi,
            Self::Celery => &celery::Celery,
            Self::Ruby => &ruby::Ruby,
            Self::Puma => &puma::Puma,
            Self::Php => &php::Php,
            Self::Postgres => &postgres::Postgres,
            Self::Ld => &ld::Ld,
        }
    }
}

/// What the reader wants a list of.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose words it is to be in.
    pub ecosystem: Ecosystem,
    /// Only what processes of the role of this name loaded.
    pub role: Option<String>,
    /// Also what few processes load.
    pub all: bool,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoList {
    /// Nothing is worth it; what was seen instead.
    #[error("nothing to preload for {word}{}", remarks(.left_out))]
    Nothing {
        /// The ecosystem's word.
        word: &'static str,
        /// What was left out: the reason, and how many names.
        left_out: BTreeMap<&'static str, usize>,
    },
    /// A list is for one daemon.
    #[error(
        "more than one program has something to preload for {word}: name one of {programs} with --program"
    )]
    SeveralPrograms {
        /// The ecosystem's word.
        word: &'static str,
        /// Their labels, ready to show.
        programs: String,
    },
    /// No program has such a role.
    #[error("no role is called {role}: name one of {roles} with --role")]
    NoSuchRole {
        /// The role that was asked for, ready to show.
        role: String,
        /// Those that there are, ready to show.
        roles: String,
    },
}

fn remarks(left_out: &BTreeMap<&'static str, usize>) -> String {
    left_out.iter().map(|(reason, count)| format!("; {count} left out, {reason}")).collect()
}

/// Writes the list, comments and all.
///
/// # Errors
/// [`NoList`], whose words say what to do.
pub fn list(report: &Report, wish: &Wish, disk: &dyn Disk) -> Result<String, NoList> {
    let dialect = wish.ecosystem.dialect();
    if let Some(role) = &wish.role {
        let roles = report.programs.iter().flat_map(|program| &program.roles);
        let mut roles: Vec<&str> = roles.map(|role| role.id.as_str()).collect();
        roles.sort_unstable();
        roles.dedup();
        if !roles.contains(&role.as_str()) {
            let role = escape::terminal(role.as_bytes());
            return Err(NoList::NoSuchRole { role, roles: roles.join(", ") });
        }
    }
    let chosen = report
        .programs
        .iter()
        .map(|program| (program, choose::choose(program, dialect, wish, disk, report.thresholds)));
    let (with, without): (Vec<_>, Vec<_>) = chosen.partition(|(_, choice)| !choice.entries.is_empty());
    let word = wish.ecosystem.word();
    match with.as_slice() {
        [] => {
            let mut left_out = BTreeMap::new();
            for (reason, count) in without.iter().flat_map(|(_, choice)| choice.counts()) {
                *left_out.entry(reason).or_default() += count;
            }
            Err(NoList::Nothing { word, left_out })
        }
        [(program, choice)] => Ok(page::write(report, program, choice, dialect, wish)),
        several => {
            let labels: Vec<String> =
                several.iter().map(|(program, _)| escape::terminal(&program.label)).collect();
            Err(NoList::SeveralPrograms { word, programs: labels.join(", ") })
        }
    }
}

/// How one reader of lists is told what to load.
trait Dialect: Sync {
    /// What the list is, for its first line.
    fn title(&self) -> &'static str;

    /// Where it goes and what to watch for, one line of comment each.
    fn advice(&self) -> &'static [&'static str];

    /// What must stand in front of everything, with its newline.
    fn opening(&self) -> &'static str {
        ""
    }

    /// What begins a comment that ends with its line.
    fn comment(&self) -> &'static str {
        "#"
    }

    /// The language, by its word on the wire, whose searches may concern its reader.
    fn language(&self) -> &'static str;

    /// What it calls a load.
    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming;

    /// Whether to load a file also loads what it brought in the workers. Where not, that is listed too.
    fn brings_the_rest(&self) -> bool {
        true
    }

    /// Whether what a file of others brought may be for this list.
    fn looks_below_others(&self) -> bool {
        true
    }

    /// Which processes of a role a load's are compared with.
    fn share(&self) -> Share {
        Share::OfAll
    }

    /// Writes the lines themselves.
    fn write(&self, entries: &[Entry], out: &mut String);
}

/// What the number of processes that loaded a file is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// All processes of the role.
    OfAll,
    /// Nothing but the least number: processes of other kinds are forked at the same place.
    OfThoseThatMay,
    /// Nothing: that one process loaded a file does not mean that one needs it.
    Any,
}

/// What a load is to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Naming {
    /// It is loaded by this name.
    Named(Name),
    /// This line of the settings makes it, and what it brought, be loaded.
    Setting(&'static str),
    /// It is in the list's language, and no line can be written for it.
    Unnamed(&'static str),
    /// It is nothing that this list's reader could load.
    Foreign,
}

/// A name, all of it text that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// As the language has it, not quoted yet.
    word: String,
    /// The folder in which it must be looked for, where the interpreter does not look by itself.
    folder: Option<String>,
}

impl Naming {
    fn named(word: impl Into<String>) -> Self {
        Self::Named(Name { word: word.into(), folder: None })
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    what: What,
    /// How many processes loaded it and who asked; ready for a comment.
    note: String,
}

/// See [`Naming`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Module(Name),
    Setting(&'static str),
}

/// The names among the entries.
fn modules(entries: &[Entry]) -> impl Iterator<Item = (&Name, &str)> {
    entries.iter().filter_map(|entry| match &entry.what {
        What::Module(name) => Some((name, entry.note.as_str())),
        What::Setting(_) => None,
    })
}

/// The settings among the entries.
fn settings(entries: &[Entry]) -> impl Iterator<Item = (&'static str, &str)> {
    entries.iter().filter_map(|entry| match entry.what {
        What::Setting(line) => Some((line, entry.note.as_str())),
        What::Module(_) => None,
    })
}

/// Folders that the names need, each once, in order.
fn folders(entries: &[Entry]) -> Vec<&str> {
    let mut folders = Vec::new();
    for (name, _) in modules(entries) {
        if let Some(folder) = name.folder.as_deref()
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }
    folders
}

/// Bytes that stand for themselves wherever they are shown: text without controls.
fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.contains(escape::is_unsafe))
}

/// Why no line is written where [`text`] is `None`.
const NO_TEXT: &str = "name that cannot be written as text";

/// Between single quotes, as Perl, Ruby and PHP read them.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The folders of a path and its file, without the empty ones.
fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ecosystem, single_quoted, text};

    #[test]
    fn every_word_names_one_ecosystem() {
        for ecosystem in Ecosystem::ALL {
            assert_eq!(Ecosystem::of_word(ecosystem.word()), Some(ecosystem));
        }
        assert_eq!(Ecosystem::of_word("cobol"), None);
    }

    #[test]
    fn what_is_no_text_is_never_written() {
        assert_eq!(text("/größe.pm".as_bytes()), Some("/größe.pm"));
        for bytes in [&b"/a\n.pm"[..], b"/\xff.pm", b"/\x1b[2J.pm", "/\u{202e}mp.pm".as_bytes()] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn quotes_end_nothing() {
        assert_eq!(single_quoted(r"/it's\a"), r"'/it\'s\\a'");
    }
}
