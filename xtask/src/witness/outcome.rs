//! What a test said of itself, in words that are the same from run to run.

use std::collections::BTreeMap;
use std::fmt;

/// A test's name in its suite and what became of it.
pub(crate) type Outcomes = BTreeMap<String, Outcome>;

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    /// The result in the suite's own words: `ok`, `FAIL`, `skipped`.
    pub(crate) result: String,
    /// Why, without what differs from run to run; empty where the suite gives no reason.
    pub(crate) why: String,
}

impl Outcome {
    /// The longest reason that is kept, in characters.
    const LONGEST: usize = 240;

    pub(crate) fn new(result: &str, why: &str) -> Self {
        Self { result: result.to_owned(), why: normalise(why).chars().take(Self::LONGEST).collect() }
    }

    pub(crate) fn ok() -> Self {
        Self::new("ok", "")
    }

    /// For a test that other runs have and this one lacks.
    pub(crate) fn absent() -> Self {
        Self::new("absent", "")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.result)?;
        if self.why.is_empty() { Ok(()) } else { write!(f, " ({})", self.why) }
    }
}

/// Adds an outcome; a second one under the same name gets a number behind it.
pub(crate) fn add(outcomes: &mut Outcomes, name: &str, outcome: Outcome) {
    let name = normalise(name);
    let mut unique = name.clone();
    let mut count = 1_u32;
    while outcomes.contains_key(&unique) {
        count = count.saturating_add(1);
        unique = format!("{name} #{count}");
    }
    outcomes.insert(unique, outcome);
}

/// Takes out what no two runs have in common: addresses, process ids, times, temporary names.
///
/// Numbers of one or two digits stay, for they count things; so do error numbers and lines that low.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("/tmp/") {
            out.push_str("/tmp/*");
            rest.find(ends_a_path).unwrap_or(rest.len())
        } else if let Some(digits) = rest.strip_prefix("0x") {
            out.push_str("0x*");
            2 + span(digits, |digit| digit.is_ascii_hexdigit())
        } else if first.is_ascii_digit() {
            let number = span(rest, |digit| digit.is_ascii_digit());
            out.push_str(if number > 2 { "*" } else { &rest[..number] });
            number
        } else {
            out.push(if first.is_control() { ' ' } else { first });
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

fn ends_a_path(letter: char) -> bool {
    letter.is_whitespace() || "'\"`,:;)]}>".contains(letter)
}

/// Bytes at the start of `text` that a test holds for.
fn span(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !holds(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_taken_out() {
        for (said, kept) in [
            ("<Foo object at 0x7f3a21b0c9d0> is not None", "<Foo object at 0x*> is not None"),
            ("child 31337 exited with 1, expected 0", "child * exited with 1, expected 0"),
            ("No such file: '/tmp/alive-a1b2/tmp/x_y.py'", "No such file: '/tmp/*'"),
            ("0.38291 not less than 0.25", "0.* not less than 0.25"),
            ("requires Python 3.11", "requires Python 3.11"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(normalise(said), kept);
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_kept_twice() {
        let mut outcomes = Outcomes::new();
        add(&mut outcomes, "test_wait", Outcome::ok());
        add(&mut outcomes, "test_wait", Outcome::new("FAIL", "1 != 0"));
        let names: Vec<&str> = outcomes.keys().map(String::as_str).collect();
        assert_eq!(names, ["test_wait", "test_wait #2"]);
    }
}
