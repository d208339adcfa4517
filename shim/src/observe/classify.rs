//! Which paths count as code: one table of suffixes.
//!
//! The table says what an interpreter would read as code, not what every file of that suffix is; a
//! web server that hands out `.js` files to browsers opens them, too.

use crate::config;
use alive_wire::{CodeKind, Language};

/// What a path is by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Class {
    pub(crate) kind: CodeKind,
    pub(crate) language: Language,
}

const fn module(language: Language) -> Class {
    Class { kind: CodeKind::Module, language }
}

/// Native code.
pub(crate) const LIBRARY: Class = Class { kind: CodeKind::Library, language: Language::Native };

/// The table: what a suffix, without its dot, says. `.so` with versions behind it is recognised apart.
///
/// Written as one `match`, which compiles to a comparison of lengths and words: every open of a
/// forked process comes through here.
const fn of_suffix(suffix: &[u8]) -> Option<Class> {
    Some(match suffix {
        b"so" => LIBRARY,
        b"pm" | b"pl" | b"ph" | b"al" | b"ix" | b"pmc" | b"psgi" | b"bs" => module(Language::Perl),
        b"py" | b"pyc" | b"pyd" => module(Language::Python),
        b"rb" | b"ru" | b"gemspec" => module(Language::Ruby),
        b"php" | b"php3" | b"php4" | b"php5" | b"php7" | b"php8" | b"inc" | b"phtml" | b"phar" => {
            module(Language::Php)
        }
        b"lua" | b"luac" => module(Language::Lua),
        b"js" | b"cjs" | b"mjs" => module(Language::JavaScript),
        b"node" => Class { kind: CodeKind::Library, language: Language::JavaScript },
        b"tcl" | b"tm" => module(Language::Tcl),
        b"R" | b"rdb" => module(Language::R),
        b"scm" | b"go" | b"el" | b"elc" => module(Language::Lisp),
        b"jar" => module(Language::Java),
        b"bc" => module(Language::Llvm),
        _ => return None,
    })
}

/// What a path is, if its name is that of code.
pub(crate) fn classify(path: &[u8]) -> Option<Class> {
    let end = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'))?;
    let (head, suffix) = path.split_at_checked(end.saturating_add(1))?;
    if head.last() == Some(&b'/') {
        return None;
    }
    of_suffix(suffix).or_else(|| rare(path, suffix))
}

/// Versioned libraries and suffixes of the user's own.
fn rare(path: &[u8], suffix: &[u8]) -> Option<Class> {
    if suffix.first().is_some_and(u8::is_ascii_digit) && is_versioned_library(config::base_name(path)) {
        return Some(LIBRARY);
    }
    added(config::get().suffixes.as_slice(), suffix)
}

/// Suffixes of the user's own.
fn added(list: &[u8], suffix: &[u8]) -> Option<Class> {
    if list.is_empty() || suffix.is_empty() {
        return None;
    }
    let wanted = list
        .split(|byte| matches!(byte, b',' | b':' | b' '))
        .map(|word| word.strip_prefix(b".").unwrap_or(word))
        .any(|word| word == suffix);
    wanted.then_some(module(Language::Other))
}

/// `libfoo.so.1.2.3`: everything behind `.so` is digits, letters and dots, and begins with a digit.
fn is_versioned_library(name: &[u8]) -> bool {
    let mut rest = name;
    while let Some(at) = rest.iter().position(|byte| *byte == b'.') {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        if let Some(version) = rest.strip_prefix(b"so.") {
            return version.first().is_some_and(u8::is_ascii_digit)
                && version.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(path: &str) -> Option<Language> {
        classify(path.as_bytes()).map(|class| class.language)
    }

    #[test]
    fn code_is_known_by_its_name() {
        assert_eq!(language("/usr/share/perl/5.36/JSON/PP.pm"), Some(Language::Perl));
        assert_eq!(language("a/__pycache__/b.cpython-311.pyc"), Some(Language::Python));
        assert_eq!(language("/lib/libsqlite3.so.0.8.6"), Some(Language::Native));
        assert_eq!(language("/lib/x.cpython-311-x86_64-linux-gnu.so"), Some(Language::Native));
        assert_eq!(language("/app/config.ru"), Some(Language::Ruby));
        assert_eq!(classify(b"addon.node").map(|class| class.kind), Some(CodeKind::Library));
    }

    #[test]
    fn what_is_no_code_is_passed_over() {
        for path in
            ["/etc/passwd", "/tmp/a.so.txt", "/a.pyc.1234", "/proc/self/fd", "b.pm/", "", ".", "x.so.", "1.2"]
        {
            assert_eq!(language(path), None, "{path}");
        }
    }

    #[test]
    fn the_user_may_add_suffixes() {
        assert!(added(b".foo,bar", b"foo").is_some());
        assert!(added(b".foo,bar", b"bar").is_some());
        assert!(added(b".foo,bar", b"baz").is_none());
    }
}
