//! Where something should be loaded, in words, and what it is called in a sentence.

use crate::caller::file_name;
use crate::escape;
use crate::findings::ProgramReport;

/// A process and the fork before which it should load something.
pub(crate) type Place = (Option<usize>, Option<usize>);

/// `in the master, before the fork at arbiter.py:589 in spawn_worker()`; `None` where no process is known to
/// be the right one.
pub(crate) fn in_words(program: &ProgramReport, (load_in, load_before): Place) -> Option<String> {
    let role = program.roles.get(load_in?)?;
    let forked = load_before.and_then(|before| program.roles.get(before)?.forked_at());
    Some(match (forked, load_before) {
        (Some(place), _) => format!("in the {}, before the fork at {place}", role.id),
        (None, Some(_)) => format!("in the {}, before the fork", role.id),
        (None, None) => format!("in the {}, before its forks", role.id),
    })
}

/// What a person calls a file: its name without the suffix, for a Python package that of its folder, between
/// backquotes.
pub(crate) fn called(path: &[u8]) -> String {
    let name = file_name(path);
    let folder = path.strip_suffix(name).and_then(|path| path.strip_suffix(b"/")).unwrap_or_default();
    let folder = folder.strip_suffix(b"/__pycache__").unwrap_or(folder);
    let stem = name.split(|&byte| byte == b'.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
    let word = if stem == b"__init__" { file_name(folder) } else { stem };
    format!("`{}`", escape::terminal(word))
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_file_is_called_by_its_stem_and_a_package_by_its_folder() {
        for (path, name) in [
            ("/usr/lib/python3.11/sqlite3/__pycache__/__init__.cpython-311.pyc", "`sqlite3`"),
            ("/usr/lib/python3.11/sqlite3/__init__.py", "`sqlite3`"),
            ("/usr/lib/python3.11/__pycache__/decimal.cpython-311.pyc", "`decimal`"),
            ("/usr/share/perl5/LWP/UserAgent.pm", "`UserAgent`"),
            ("/usr/lib/libsqlite3.so.0.8.6", "`libsqlite3`"),
            ("/srv/.hidden", "`.hidden`"),
            ("", "``"),
            ("/srv/\x1b[2J.rb", "`\\x1b[2J`"),
        ] {
            assert_eq!(called(path.as_bytes()), name);
        }
    }
}
