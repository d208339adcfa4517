//! The file of a baseline.

use std::fmt::{self, Write as _};

use super::pattern::Pattern;
use super::{Baseline, Entry, Kind};
use crate::escape;

/// The version that this program writes, and the highest that it reads.
pub const VERSION: u32 = 1;

/// The word in front of the version, on the first line that is no comment.
const MAGIC: &str = "alive-baseline";

/// What a new file begins with.
const HEADING: &str = "\
# Late loads that are accepted: `alive check` fails when a file that is not listed here is loaded after
# the fork. `alive check --write` brings the list up to date and keeps the comments above lines that stay.
# `*` stands for any characters but `/`, `**` for any at all, `%2A` for a star.";

/// Why a baseline cannot be read. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It does not begin as a baseline does.
    NotABaseline,
    /// It was written by a later version of this program.
    Newer(u32),
    /// A line says nothing that is known.
    Unknown {
        /// Number of the line.
        line: usize,
        /// Its first word, ready to show.
        word: String,
    },
    /// A line lacks what it is about.
    Empty {
        /// Number of the line.
        line: usize,
        /// Its first word.
        word: &'static str,
    },
    /// A `%` in a line is not followed by two hexadecimal digits.
    Percent {
        /// Number of the line.
        line: usize,
    },
    /// A line stands before the `program` or the `role` that it belongs to.
    Misplaced {
        /// Number of the line.
        line: usize,
        /// What is missing above it.
        lacks: &'static str,
    },
    /// A line is no UTF-8.
    NotText {
        /// Number of the line.
        line: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABaseline => write!(
                formatter,
                "its first line is not `{MAGIC} {VERSION}`: it is no baseline; make one with alive check --write"
            ),
            Self::Newer(version) => write!(
                formatter,
                "it is of version {version}, and this alive reads up to version {VERSION}: use a newer alive, or \
                 make it anew with alive check --write under another name"
            ),
            Self::Unknown { line, word } => write!(
                formatter,
                "line {line} begins with `{word}`: it must begin with program, role, late, missing or #"
            ),
            Self::Empty { line, word } => {
                write!(formatter, "line {line} has nothing behind `{word}`: write a pattern there, such as *")
            }
            Self::Percent { line } => write!(
                formatter,
                "line {line} has a % that is not followed by two hexadecimal digits: write %25 for a % itself"
            ),
            Self::Misplaced { line, lacks } => {
                write!(
                    formatter,
                    "line {line} has no `{lacks}` line above it: write one, such as `{lacks} *`"
                )
            }
            Self::NotText { line } => {
                write!(formatter, "line {line} is no UTF-8: write such a byte as %NN")
            }
        }
    }
}

impl std::error::Error for Error {}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error`], which names the line.
    pub fn parse(file: &[u8]) -> Result<Self, Error> {
        let mut baseline = Self::default();
        let mut comments: Vec<String> = Vec::new();
        let mut begun = false;
        let (mut program, mut role): (Option<Pattern>, Option<Pattern>) = (None, None);
        for (line, text) in (1..).zip(file.split(|&byte| byte == b'\n')) {
            let text = str::from_utf8(text).map_err(|_| match begun {
                true => Error::NotText { line },
                false => Error::NotABaseline,
            })?;
            let text = text.trim();
            if text.starts_with('#') {
                comments.push(text.to_owned());
                continue;
            }
            if text.is_empty() {
                continue;
            }
            let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            if !begun {
                let version = (word == MAGIC).then(|| rest.trim().parse::<u32>().ok()).flatten();
                match version {
                    None | Some(0) => return Err(Error::NotABaseline),
                    Some(version) if version > VERSION => return Err(Error::Newer(version)),
                    Some(_) => begun = true,
                }
                baseline.heading = std::mem::take(&mut comments);
                continue;
            }
            let known = ["program", "role", "late", "missing"].into_iter().find(|&known| known == word);
            let Some(word) = known else {
                return Err(Error::Unknown { line, word: escape::terminal(word.as_bytes()) });
            };
            let pattern = match rest.trim() {
                "" => return Err(Error::Empty { line, word }),
                rest => Pattern::parse(rest).ok_or(Error::Percent { line })?,
            };
            let kind = match word {
                "program" => {
                    (program, role) = (Some(pattern), None);
                    continue;
                }
                "role" => {
                    if program.is_none() {
                        return Err(Error::Misplaced { line, lacks: "program" });
                    }
                    role = Some(pattern);
                    continue;
                }
                "late" => Kind::Late,
                _ => Kind::Missing,
            };
            let program = program.clone().ok_or(Error::Misplaced { line, lacks: "program" })?;
            let role = role.clone().ok_or(Error::Misplaced { line, lacks: "role" })?;
            let comments = std::mem::take(&mut comments);
            baseline.entries.push(Entry { program, role, kind, what: pattern, comments });
        }
        if !begun {
            return Err(Error::NotABaseline);
        }
        baseline.ending = comments;
        Ok(baseline)
    }
}

impl fmt::Display for Baseline {
    /// The file: entries sorted, none twice.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.heading.is_empty() {
            writeln!(formatter, "{HEADING}")?;
        }
        for comment in &self.heading {
            writeln!(formatter, "{comment}")?;
        }
        writeln!(formatter, "{MAGIC} {VERSION}")?;
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        // By what stands in the file, so that its lines are sorted.
        entries.sort_by_cached_key(|entry| {
            let Entry { program, role, kind, what, comments } = entry;
            // Of two equal ones the commented one stays.
            (program.to_string(), role.to_string(), *kind, what.to_string(), comments.is_empty())
        });
        entries.dedup_by(|later, earlier| later.key() == earlier.key());
        let mut above: Option<&Entry> = None;
        for entry in entries {
            let same_program = above.is_some_and(|above| above.program == entry.program);
            if !same_program {
                write!(formatter, "\nprogram {}\n", entry.program)?;
            }
            if !same_program || above.is_some_and(|above| above.role != entry.role) {
                writeln!(formatter, "  role {}", entry.role)?;
            }
            for comment in &entry.comments {
                writeln!(formatter, "    {comment}")?;
            }
            let word = match entry.kind {
                Kind::Late => "late",
                Kind::Missing => "missing",
            };
            writeln!(formatter, "    {word} {}", entry.what)?;
            above = Some(entry);
        }
        if !self.ending.is_empty() {
            formatter.write_char('\n')?;
        }
        for comment in &self.ending {
            writeln!(formatter, "{comment}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Error};

    const FILE: &str = "\
# Ours.
alive-baseline 1

program *
  role **
    late /opt/**

program gunicorn
  role arbiter.py:spawn_worker
    # Needed by one page only.
    # Ask the shop team.
    late /usr/lib/python*/sqlite3/__init__.py
    late /usr/lib/python*/uuid.py
    missing ujson

# The end.
";

    #[test]
    fn what_is_written_is_what_was_read() {
        let baseline = Baseline::parse(FILE.as_bytes()).unwrap();
        assert_eq!(baseline.entries.len(), 4);
        assert_eq!(baseline.entries[1].comments, ["# Needed by one page only.", "# Ask the shop team."]);
        assert_eq!(baseline.to_string(), FILE);
    }

    #[test]
    fn lines_are_sorted_and_none_is_there_twice() {
        let mut baseline = Baseline::parse(FILE.as_bytes()).unwrap();
        baseline.entries.reverse();
        let mut twice = baseline.entries[2].clone();
        twice.comments.clear();
        baseline.entries.insert(0, twice);
        assert_eq!(baseline.to_string(), FILE);
    }

    #[test]
    fn an_editors_line_ends_and_indents_do_not_matter() {
        let text = FILE.replace('\n', "\r\n").replace("  ", "\t");
        assert_eq!(Baseline::parse(text.as_bytes()).unwrap().to_string(), FILE);
    }

    #[test]
    fn an_empty_baseline_says_what_it_is_for() {
        let text = Baseline::default().to_string();
        assert!(text.starts_with("# Late loads") && text.ends_with("alive-baseline 1\n"), "{text}");
        assert_eq!(Baseline::parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn a_damaged_file_is_refused_by_line() {
        let error = |text: &[u8]| Baseline::parse(text).unwrap_err();
        assert_eq!(error(b""), Error::NotABaseline);
        assert_eq!(error(b"SQLite format 3\0\xff"), Error::NotABaseline);
        assert_eq!(error(b"alive-baseline\n"), Error::NotABaseline);
        assert_eq!(error(b"# new\nalive-baseline 2\nfuture line\n"), Error::Newer(2));
        let below = |rest: &str| error(format!("alive-baseline 1\n{rest}").as_bytes());
        let word = "lat\\x1b[2J".to_owned();
        assert_eq!(below("program x\nrole y\nlat\u{1b}[2J /z\n"), Error::Unknown { line: 4, word });
        assert_eq!(below("program x\nrole y\nlate\n"), Error::Empty { line: 4, word: "late" });
        assert_eq!(below("program x\nrole y\nlate /a%2\n"), Error::Percent { line: 4 });
        assert_eq!(below("\nlate /z\n"), Error::Misplaced { line: 3, lacks: "program" });
        assert_eq!(below("program x\nlate /z\n"), Error::Misplaced { line: 3, lacks: "role" });
        assert_eq!(below("role y\n"), Error::Misplaced { line: 2, lacks: "program" });
        assert_eq!(error(b"alive-baseline 1\nprogram \xff\n"), Error::NotText { line: 2 });
        // A new program has no role yet.
        let text = "program x\nrole y\nlate /z\nprogram w\nlate /z\n";
        assert_eq!(below(text), Error::Misplaced { line: 6, lacks: "role" });
    }
}
