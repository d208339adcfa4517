//! Patterns for paths, names and roles.
//!
//! `*` stands for any bytes but `/`, none included, `**` for any bytes at all, `%NN` for the byte with that
//! hexadecimal number; every other byte for itself. A pattern is written in printable characters, whatever bytes
//! it stands for: a `*` that is meant as such is `%2A`.

use std::fmt::{self, Write as _};

/// Part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Token {
    Byte(u8),
    /// Any bytes but `/`.
    Star,
    /// Any bytes.
    Stars,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Vec<Token>);

/// Words that interpreters' folders consist of, in front of a version.
const VERSIONED: [&[u8]; 8] = [b"python", b"perl", b"ruby", b"php", b"lua", b"node", b"tcl", b"v"];

/// Suffixes of files whose version stands in the name before them.
const VERSION_BEFORE: [&[u8]; 3] = [b".so", b".gemspec", b".jar"];

/// Fewest digits of a commit's name that is a folder's.
const COMMIT: usize = 7;

impl Pattern {
    /// The pattern that stands for these bytes alone.
    #[must_use]
    pub fn exact(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|&byte| Token::Byte(byte)).collect())
    }

    /// The pattern for a path and for the same file of another version.
    ///
    /// What gives way to `*`: a folder that is a number (`5.36.0`, `20260131120000`) or a commit
    /// (`3f2a9c1`); in a folder a number behind a hyphen (`rack-2.2.22`) or behind the name of an
    /// interpreter (`python3.11`); in a file's name what is behind `.so` (`libz.so.1.2`), a number behind a hyphen
    /// before `.so`, `.gemspec` or `.jar` (`libLLVM-14.so.1`), and the number in Python's tag
    /// (`.cpython-311.pyc`). Other digits belong to the name (`sha256`, `x86_64`).
    #[must_use]
    pub fn portable(path: &[u8]) -> Self {
        let mut out = Vec::new();
        let mut components = path.split(|&byte| byte == b'/').peekable();
        while let Some(component) = components.next() {
            if components.peek().is_some() {
                folder(component, &mut out);
                out.push(Token::Byte(b'/'));
            } else {
                file(component, &mut out);
            }
        }
        Self(out)
    }

    /// The pattern for a program's label and for that of another version, which stands at its end: `php-fpm*`
    /// for `php-fpm8.2`. A number without a dot belongs to the name (`shard2`).
    #[must_use]
    pub fn of_label(label: &[u8]) -> Self {
        let digits = label.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let (name, number) = label.split_at(label.len() - digits);
        let is_version = !name.is_empty() && is_number(number) && number.contains(&b'.');
        let mut out = Vec::new();
        push(if is_version { name } else { label }, &mut out);
        out.extend(is_version.then_some(Token::Star));
        Self(out)
    }

    /// Reads a pattern; `None` where a `%` is not followed by two hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let token = match byte {
                b'%' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    let digits = str::from_utf8(&digits).ok().filter(|text| !text.contains('+'))?;
                    Token::Byte(u8::from_str_radix(digits, 16).ok()?)
                }
                b'*' if out.last() == Some(&Token::Star) => {
                    out.pop();
                    Token::Stars
                }
                b'*' if out.last() == Some(&Token::Stars) => continue,
                b'*' => Token::Star,
                byte => Token::Byte(byte),
            };
            out.push(token);
        }
        Some(Self(out))
    }

    /// Whether it stands for these bytes.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let plain =
            self.0.iter().zip(bytes).take_while(|&(token, byte)| *token == Token::Byte(*byte)).count();
        let (Some(tokens), Some(bytes)) = (self.0.get(plain..), bytes.get(plain..)) else { return false };
        // Which beginnings of the rest the tokens so far stand for; one more than there are bytes.
        let mut reached = vec![false; bytes.len() + 1];
        reached[0] = true;
        for &token in tokens {
            let mut next = vec![false; reached.len()];
            if let Token::Byte(wanted) = token {
                for ((next, &reached), &byte) in next.iter_mut().skip(1).zip(&reached).zip(bytes) {
                    *next = reached && byte == wanted;
                }
            } else {
                let mut open = false;
                let before = std::iter::once(None).chain(bytes.iter().map(Some));
                for ((next, &reached), byte) in next.iter_mut().zip(&reached).zip(before) {
                    open = (open && (token == Token::Stars || byte != Some(&b'/'))) || reached;
                    *next = open;
                }
            }
            if !next.contains(&true) {
                return false;
            }
            reached = next;
        }
        reached.last() == Some(&true)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.len().saturating_sub(1);
        for (at, token) in self.0.iter().enumerate() {
            match *token {
                Token::Star => formatter.write_char('*')?,
                Token::Stars => formatter.write_str("**")?,
                // A space at an end would not be seen.
                Token::Byte(b' ') if at == 0 || at == last => formatter.write_str("%20")?,
                Token::Byte(byte) if matches!(byte, b' '..=b'~') && !b"%*".contains(&byte) => {
                    formatter.write_char(char::from(byte))?;
                }
                Token::Byte(byte) => write!(formatter, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// A folder's name, numbers of versions given way.
fn folder(name: &[u8], out: &mut Vec<Token>) {
    let is_commit = name.len() >= COMMIT
        && name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && name.iter().any(u8::is_ascii_digit);
    if is_commit || is_number(name) {
        out.push(Token::Star);
        return;
    }
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let (word, number) = name.split_at(name.len() - digits);
    if is_number(number) && VERSIONED.contains(&word) {
        push(word, out);
        out.push(Token::Star);
        return;
    }
    hyphened(name, out);
}

/// A file's name, numbers of versions given way.
fn file(name: &[u8], out: &mut Vec<Token>) {
    const LIBRARY: &[u8] = b".so.";
    const TAG: &[u8] = b".cpython-";
    if let Some(at) = find(name, LIBRARY) {
        hyphened(name.get(..at).unwrap_or_default(), out);
        push(LIBRARY, out);
        out.push(Token::Star);
    } else if let Some((before, behind)) =
        find(name, TAG).and_then(|at| name.split_at_checked(at + TAG.len()))
    {
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        push(before, out);
        if digits > 0 {
            out.push(Token::Star);
        }
        push(behind.get(digits..).unwrap_or_default(), out);
    } else if let Some((stem, suffix)) =
        VERSION_BEFORE.into_iter().find_map(|suffix| Some((name.strip_suffix(suffix)?, suffix)))
    {
        hyphened(stem, out);
        push(suffix, out);
    } else {
        push(name, out);
    }
}

/// A name in which a number behind a hyphen gives way.
fn hyphened(name: &[u8], out: &mut Vec<Token>) {
    for (at, part) in name.split(|&byte| byte == b'-').enumerate() {
        if at > 0 {
            out.push(Token::Byte(b'-'));
        }
        if at > 0 && is_number(part) {
            out.push(Token::Star);
        } else {
            push(part, out);
        }
    }
}

fn push(bytes: &[u8], out: &mut Vec<Token>) {
    out.extend(bytes.iter().map(|&byte| Token::Byte(byte)));
}

/// Digits, perhaps with dots between them.
fn is_number(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
        && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn versions_give_way_and_names_stay() {
        for (path, pattern) in [
            (
                "/usr/lib/python3.11/json/__pycache__/decoder.cpython-311.opt-1.pyc",
                "/usr/lib/python*/json/__pycache__/decoder.cpython-*.opt-1.pyc",
            ),
            (
                "/usr/lib/python3/x/_x.cpython-311-x86_64-linux-gnu.so",
                "/usr/lib/python*/x/_x.cpython-*-x86_64-linux-gnu.so",
            ),
            ("/usr/share/perl/5.36.0/Text/Abbrev.pm", "/usr/share/perl/*/Text/Abbrev.pm"),
            ("/usr/share/perl5/LWP/UserAgent.pm", "/usr/share/perl*/LWP/UserAgent.pm"),
            ("/gems/rack-2.2.22/lib/rack.rb", "/gems/rack-*/lib/rack.rb"),
            ("/gems/nio4r-2.5.8-x86_64-linux/lib/nio.rb", "/gems/nio4r-*-x86_64-linux/lib/nio.rb"),
            ("/srv/releases/20260131120000/app.rb", "/srv/releases/*/app.rb"),
            ("/srv/3f2a9c1/app.rb", "/srv/*/app.rb"),
            ("/srv/facade/app.rb", "/srv/facade/app.rb"),
            ("/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6", "/usr/lib/x86_64-linux-gnu/libsqlite3.so.*"),
            ("/usr/lib/libLLVM-14.so.1", "/usr/lib/libLLVM-*.so.*"),
            ("/specifications/rack-2.2.22.gemspec", "/specifications/rack-*.gemspec"),
            ("/Digest/sha256.pm", "/Digest/sha256.pm"),
            ("/lib/base64/_sha512.so", "/lib/base64/_sha512.so"),
            ("relative-1.pl", "relative-1.pl"),
            ("", ""),
        ] {
            let portable = Pattern::portable(path.as_bytes());
            assert_eq!(portable.to_string(), pattern);
            assert!(portable.matches(path.as_bytes()), "{path}");
        }
        assert!(Pattern::portable(b"/usr/lib/python3.11/a.py").matches(b"/usr/lib/python3.12/a.py"));
        assert!(!Pattern::portable(b"/usr/share/perl/5.36/A.pm").matches(b"/usr/share/perl/5.36/B/A.pm"));
    }

    #[test]
    fn a_label_loses_the_version_at_its_end() {
        for (label, pattern) in [
            ("php-fpm8.2", "php-fpm*"),
            ("python3.11", "python*"),
            ("shard2", "shard2"),
            ("3.11", "3.11"),
            ("a.", "a."),
        ] {
            assert_eq!(Pattern::of_label(label.as_bytes()).to_string(), pattern);
            assert!(Pattern::of_label(label.as_bytes()).matches(label.as_bytes()));
        }
    }

    #[test]
    fn a_star_stops_at_a_folder_and_two_do_not() {
        let matches = |pattern: &str, path: &str| Pattern::parse(pattern).unwrap().matches(path.as_bytes());
        assert!(matches("/a/*/c", "/a/b/c"));
        assert!(matches("/a/*/c", "/a//c"));
        assert!(!matches("/a/*/c", "/a/b/b/c"));
        assert!(matches("/a/**/c", "/a/b/b/c"));
        assert!(matches("**/c.pm", "/a/b/c.pm"));
        assert!(!matches("**/c.pm", "/a/b/xc.pm"));
        assert!(matches("*", "worker"));
        assert!(matches("**", ""));
        assert!(!matches("", "a"));
        assert!(matches("a*b*c", "axxbxbxc"));
        assert!(!matches("a*b*c", "axxbxb"));
    }

    #[test]
    fn every_byte_can_be_written_and_read() {
        let every: Vec<u8> = (0..=255).collect();
        let pattern = Pattern::exact(&every);
        let text = pattern.to_string();
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
        assert_eq!(Pattern::parse(&text), Some(pattern));
        let spaced = Pattern::exact(b" a ");
        assert_eq!((spaced.to_string().as_str(), Pattern::parse("%20a%20")), ("%20a%20", Some(spaced)));
        for damaged in ["%", "%4", "%zz", "%+1"] {
            assert_eq!(Pattern::parse(damaged), None, "{damaged}");
        }
        assert_eq!(Pattern::parse("a***b").unwrap().to_string(), "a**b");
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let pattern = Pattern::parse(&"*a".repeat(200)).unwrap();
        assert!(!pattern.matches(&b"a".repeat(199)));
        assert!(pattern.matches(&b"a".repeat(4000)));
    }
}
