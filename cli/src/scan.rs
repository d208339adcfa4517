//! Looks for calls of taps in a source tree, by their text: `docs/taps.md` lists the patterns.
//!
//! What is found is what stands there, also in a comment. A call whose name is no literal cannot be
//! expected, and is counted instead.

use std::fs::{self, DirEntry};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use alive_report::escape;

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Most files that are read.
const MAX_FILES: usize = 200_000;

/// Deepest folder below the first.
const MAX_DEPTH: usize = 64;

/// Bytes at the beginning of a file that tell whether it is text.
const HEAD: usize = 8_192;

/// Folders that hold no source of one's own.
const SKIPPED: [&[u8]; 4] = [b".git", b".hg", b".svn", b"node_modules"];

/// A call of a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: Vec<u8>,
    pub(crate) file: Vec<u8>,
    pub(crate) line: u32,
}

/// What a tree holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Calls, in the order of the files' names.
    pub(crate) calls: Vec<Call>,
    /// What the list above may lack, in sentences.
    pub(crate) caveats: Vec<String>,
}

/// Looks through a tree. Links are not followed.
///
/// # Errors
/// When the folder itself cannot be read; what lies below it and cannot be read is a caveat.
pub(crate) fn tree(folder: &Path) -> io::Result<Found> {
    let mut scan = Scan::default();
    if fs::metadata(folder)?.is_file() {
        scan.file(folder);
    } else {
        scan.folder(sorted(folder)?, 0);
    }
    Ok(scan.end())
}

#[derive(Debug, Default)]
struct Scan {
    calls: Vec<Call>,
    files: usize,
    too_long: usize,
    unreadable: usize,
    /// Files and folders beyond the bounds.
    beyond: usize,
    /// Calls whose name is no literal, the first of them by its place.
    without_name: usize,
    first_without_name: Option<(Vec<u8>, u32)>,
}

impl Scan {
    fn folder(&mut self, entries: Vec<DirEntry>, depth: usize) {
        for entry in entries {
            let Ok(kind) = entry.file_type() else {
                self.unreadable += 1;
                continue;
            };
            let path = entry.path();
            if kind.is_dir() && !SKIPPED.contains(&entry.file_name().as_bytes()) {
                match sorted(&path) {
                    Ok(_) if depth == MAX_DEPTH => self.beyond += 1,
                    Ok(entries) => self.folder(entries, depth + 1),
                    Err(_) => self.unreadable += 1,
                }
            } else if kind.is_file() {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if self.files == MAX_FILES {
            self.beyond += 1;
            return;
        }
        self.files += 1;
        let text = fs::File::open(path).and_then(|file| {
            let mut text = Vec::new();
            file.take(MAX_BYTES + 1).read_to_end(&mut text).map(|_| text)
        });
        match text {
            Err(_) => self.unreadable += 1,
            Ok(text) if text.iter().take(HEAD).any(|&byte| byte == 0) => {}
            Ok(text) if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_BYTES) => self.too_long += 1,
            Ok(text) => {
                let file = path.as_os_str().as_bytes();
                for (name, line) in calls(&text) {
                    match name {
                        Some(name) => self.calls.push(Call { name, file: file.to_vec(), line }),
                        None => {
                            self.without_name += 1;
                            self.first_without_name.get_or_insert_with(|| (file.to_vec(), line));
                        }
                    }
                }
            }
        }
    }

    fn end(self) -> Found {
        let mut caveats = Vec::new();
        for (number, why) in [
            (self.unreadable, "cannot be read"),
            (self.too_long, "longer than 4 MiB: not looked at"),
            (self.beyond, "beyond 200,000 files or 64 folders deep: not looked at"),
        ] {
            if number > 0 {
                caveats.push(format!("of the source tree, {number} {why}"));
            }
        }
        if let Some((file, line)) = self.first_without_name {
            caveats.push(format!(
                "{} taps have a name that is no literal and cannot be expected, the first at {}:{line}",
                self.without_name,
                escape::terminal(&file)
            ));
        }
        Found { calls: self.calls, caveats }
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// What may stand right in front of `tap` and `tap_each`.
const OWNERS: [&[u8]; 7] =
    [b"Alive->", b"Alive::", b"AliveTap.", b"AliveTap::", b"alive_tap.", b"alive_tap::", b"alive."];

/// Calls that need no owner.
const WHOLE: [&[u8]; 4] = [b"alive_tap_each", b"alive_tap", b"ALIVE_TAP_EACH", b"ALIVE_TAP"];

/// Calls in a text: the name, or `None` where it is no literal, and the line.
fn calls(text: &[u8]) -> Vec<(Option<Vec<u8>>, u32)> {
    // `tap` alone is a word of many libraries: it counts where the client is mentioned.
    let mentioned = contains(text, b"alive_tap") || contains(text, b"alive-tap");
    let mut found = Vec::new();
    for (number, line) in (1u32..).zip(text.split(|&byte| byte == b'\n')) {
        let mut at = 0;
        while let Some(next) = line.get(at..).and_then(|rest| rest.iter().position(|byte| is_first(*byte))) {
            let begin = at + next;
            at = begin + 1;
            if begin > 0 && is_word(line[begin - 1]) {
                continue;
            }
            let Some(length) = word_of_a_tap(line, begin, mentioned) else { continue };
            at = begin + length;
            match named(&line[at..]) {
                Named::Literal(name) => found.push((Some(name), number)),
                Named::Computed => found.push((None, number)),
                Named::NoCall => {}
            }
        }
    }
    found
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

const fn is_first(byte: u8) -> bool {
    matches!(byte, b't' | b'a' | b'A')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Length of the word at `begin` when it is that of a tap.
fn word_of_a_tap(line: &[u8], begin: usize, mentioned: bool) -> Option<usize> {
    let (before, rest) = line.split_at(begin);
    let ends = |length: usize| rest.get(length).is_none_or(|byte| !is_word(*byte));
    if let Some(word) = WHOLE.iter().find(|word| rest.starts_with(word) && ends(word.len())) {
        return Some(word.len());
    }
    if let Some(rest) = rest.strip_prefix(b"alive ping ".as_slice()) {
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        return Some("alive ping".len() + spaces);
    }
    let word =
        [&b"tap_each"[..], b"tap"].into_iter().find(|word| rest.starts_with(word) && ends(word.len()))?;
    let owned = OWNERS.iter().any(|owner| {
        before.strip_suffix(*owner).is_some_and(|before| before.last().is_none_or(|byte| !is_word(*byte)))
    });
    let alone =
        before.last().is_none_or(|byte| !matches!(byte, b'.' | b'>' | b':' | b'$' | b'@' | b'-' | b'/'));
    (owned || (mentioned && alone)).then_some(word.len())
}

enum Named {
    Literal(Vec<u8>),
    /// A call, but its name is computed.
    Computed,
    NoCall,
}

/// What stands behind the word of a call: `("name"`, `!("name"`, or a shell's `name`.
fn named(rest: &[u8]) -> Named {
    let rest = rest.strip_prefix(b"!").unwrap_or(rest);
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let (blank, rest) = rest.split_at(blanks);
    if let Some(inside) = rest.strip_prefix(b"(") {
        return match inside.trim_ascii_start() {
            // A definition, or a call that goes on in the next line.
            [] | [b')' | b'{', ..] => Named::NoCall,
            argument => literal(argument).map_or(Named::Computed, Named::Literal),
        };
    }
    // A shell's words, and Perl's and Ruby's without parentheses.
    match rest {
        _ if blank.is_empty() => Named::NoCall,
        [b'"' | b'\'', ..] => literal(rest).map_or(Named::Computed, Named::Literal),
        [b'$', ..] => Named::Computed,
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b";&|<>()#`\"'".contains(byte);
            let bare = rest.split(ends).next().unwrap_or_default();
            // What is no name of a tap is prose, an assignment or an operator.
            let is_name = bare.first().is_some_and(u8::is_ascii_alphanumeric)
                && bare.iter().all(|byte| is_word(*byte) || b".-/:".contains(byte));
            let dotted = bare.iter().any(|byte| b".-/:_".contains(byte)) && !bare.ends_with(b".");
            if is_name && dotted { Named::Literal(bare.to_vec()) } else { Named::NoCall }
        }
    }
}

/// A quoted name in which nothing is filled in.
fn literal(text: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = text.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let name = &rest[..rest.iter().position(|byte| byte == quote)?];
    let filled_in = name.iter().any(|byte| b"\\`".contains(byte))
        || (*quote == b'"' && (name.contains(&b'$') || contains(name, b"#{") || name.contains(&b'@')));
    (!name.is_empty() && !filled_in).then(|| name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that a test fills.
    fn filled(files: &[(&str, &[u8])]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let path = folder.path().to_owned();
        (folder, path)
    }

    fn names(text: &str) -> Vec<Option<String>> {
        let found = calls(text.as_bytes()).into_iter();
        found.map(|(name, _)| name.map(|name| String::from_utf8(name).unwrap())).collect()
    }

    #[test]
    fn the_call_of_every_client_is_found() {
        for call in [
            "    Alive->tap(\"a.b\");",
            "Alive->tap('a.b', order => 17)",
            "Alive->tap_each(\"a.b\")",
            "Alive::tap( 'a.b' )",
            "alive_tap.tap(\"a.b\", order=17)",
            "alive_tap.tap_each('a.b')",
            "AliveTap.tap(\"a.b\")",
            "AliveTap.tap 'a.b'",
            "AliveTap::tap('a.b');",
            "\\AliveTap::tap_each(\"a.b\");",
            "alive.tap(\"a.b\", {order: 17});",
            "alive_tap a.b order=17",
            "  alive_tap 'a.b'; next",
            "alive_tap_each \"a.b\"",
            "ALIVE_TAP(\"a.b\");",
            "ALIVE_TAP_EACH (\"a.b\");",
            "if (alive_tap) alive_tap(\"a.b\");",
            "alive_tap::tap!(\"a.b\", \"order\" => id);",
            "use alive_tap::tap; tap!(\"a.b\")",
            "from alive_tap import tap; tap('a.b')",
            "alive ping a.b order=17 && true",
            "exec alive ping 'a.b'",
        ] {
            assert_eq!(names(call), [Some("a.b".to_owned())], "{call}");
        }
    }

    #[test]
    fn what_is_no_tap_is_left_alone() {
        for text in [
            "x.tap(\"a.b\")",
            "tap(\"a.b\")",
            "$tap->(\"a.b\"); stap(\"a.b\"); tapped('a.b')",
            "object.tap { |it| puts it }  # alive_tap",
            "alive_tap() {",
            "import alive_tap",
            "use alive_tap;",
            "def tap(name): # of alive_tap",
            "the alive_tap shell function",
            "alive_tap.tap(",
            "alive_tap=1",
            "alive pings",
        ] {
            assert!(names(text).iter().all(Option::is_none), "{text}: {:?}", names(text));
        }
    }

    #[test]
    fn a_name_that_is_computed_is_told_as_such() {
        for text in
            ["Alive->tap($name)", "Alive->tap(\"a.$b\")", "AliveTap.tap(\"a.#{b}\")", "alive_tap $name"]
        {
            assert_eq!(names(text), [None], "{text}");
        }
    }

    #[test]
    fn several_calls_stand_in_one_line_and_lines_are_counted() {
        let found = calls(b"\nAlive->tap('a'); Alive->tap('b');\n\nAlive->tap('c')");
        let found: Vec<_> = found.into_iter().map(|(name, line)| (name.unwrap(), line)).collect();
        assert_eq!(found, [(b"a".to_vec(), 2), (b"b".to_vec(), 2), (b"c".to_vec(), 4)]);
    }

    #[test]
    fn a_tree_is_searched_without_what_is_not_ones_own() {
        let tap = b"Alive->tap('here');\n";
        let (_folder, path) = filled(&[
            ("lib/a.pl", tap),
            (".git/b.pl", tap),
            ("web/node_modules/c.js", tap),
            ("binary.o", b"\x7fELF\0Alive->tap('here')"),
            ("lib/odd\n.pl", b"Alive->tap($name)\n"),
        ]);
        std::os::unix::fs::symlink(&path, path.join("loop")).unwrap();
        let found = tree(&path).unwrap();
        let [call] = &found.calls[..] else { panic!("{found:?}") };
        assert_eq!(call.file, path.join("lib/a.pl").as_os_str().as_bytes());
        let [caveat] = &found.caveats[..] else { panic!("{found:?}") };
        assert!(caveat.contains("no literal") && caveat.contains("\\x0a.pl:1"), "{caveat}");
        assert!(tree(&path.join("none")).is_err());
    }
}
