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
mod dialect;
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
mod spelling;
mod uwsgi;
#[cfg(test)]
mod whole;

use std::collections::BTreeMap;

use crate::escape;
use crate::findings::Report;
use dialect::{Dialect, Entry, Name, Naming, Share, What, folders, modules, settings};
use disk::Disk;
use spelling::{NO_TEXT, parts, single_quoted, text};

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
    left_out.iter().map(|(reason, count)| format!("; {count} left out ({reason})")).collect()
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

#[cfg(test)]
mod tests {
    use super::Ecosystem;

    #[test]
    fn every_word_names_one_ecosystem() {
        for ecosystem in Ecosystem::ALL {
            assert_eq!(Ecosystem::of_word(ecosystem.word()), Some(ecosystem));
        }
        assert_eq!(Ecosystem::of_word("cobol"), None);
    }
}
