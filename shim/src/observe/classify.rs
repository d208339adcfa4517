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

/// Suffixes without their dot. `.so` with versions behind it is recognised apart.
const SUFFIXES: &[(&[u8], Class)] = &[
    (b"so", LIBRARY),
    (b"pm", module(Language::Perl)),
    (b"pl", module(Language::Perl)),
    (b"ph", module(Language::Perl)),
    (b"al", module(Language::Perl)),
    (b"ix", module(Language::Perl)),
    (b"pmc", module(Language::Perl)),
    (b"psgi", module(Language::Perl)),
    (b"bs", module(Language::Perl)),
    (b"py", module(Language::Python)),
    (b"pyc", module(Language::Python)),
    (b"pyd", module(Language::Python)),
    (b"rb", module(Language::Ruby)),
    (b"ru", module(Language::Ruby)),
    (b"gemspec", module(Language::Ruby)),
    (b"php", module(Language::Php)),
    (b"php3", module(Language::Php)),
    (b"php4", module(Language::Php)),
    (b"php5", module(Language::Php)),
    (b"php7", module(Language::Php)),
    (b"php8", module(Language::Php)),
    (b"inc", module(Language::Php)),
    (b"phtml", module(Language::Php)),
    (b"phar", module(Language::Php)),
    (b"lua", module(Language::Lua)),
    (b"luac", module(Language::Lua)),
    (b"js", module(Language::JavaScript)),
    (b"cjs", module(Language::JavaScript)),
    (b"mjs", module(Language::JavaScript)),
    (b"node", Class { kind: CodeKind::Library, language: Language::JavaScript }),
    (b"tcl", module(Language::Tcl)),
    (b"tm", module(Language::Tcl)),
    (b"R", module(Language::R)),
    (b"rdb", module(Language::R)),
    (b"scm", module(Language::Lisp)),
    (b"go", module(Language::Lisp)),
    (b"el", module(Language::Lisp)),
    (b"elc", module(Language::Lisp)),
    (b"jar", module(Language::Java)),
    (b"bc", module(Language::Llvm)),
];

/// What a path is, if its name is that of code.
pub(crate) fn classify(path: &[u8]) -> Option<Class> {
    let name = config::base_name(path);
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let suffix = name.get(dot.saturating_add(1)..)?;
    if let Some((_, class)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(*class);
    }
    if suffix.first().is_some_and(u8::is_ascii_digit) && is_versioned_library(name) {
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
