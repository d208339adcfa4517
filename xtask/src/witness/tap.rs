//! The Test Anything Protocol, in which Perl's tests speak.

use super::outcome::{Outcome, Outcomes, add};

/// Reads what one file said. A test is known by its number; what it calls itself is no part of its
/// name, for that often holds a process id.
pub(crate) fn parse(output: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for line in output.lines() {
        let (result, rest) = if let Some(rest) = line.strip_prefix("not ok") {
            ("not ok", rest)
        } else if let Some(rest) = line.strip_prefix("ok") {
            ("ok", rest)
        } else if let Some(reason) = line.strip_prefix("1..0 ") {
            add(&mut outcomes, "all", Outcome::new("skipped", reason));
            continue;
        } else {
            continue;
        };
        let Some(rest) = rest.strip_prefix(' ') else { continue };
        let number = rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
        if number.is_empty() {
            continue;
        }
        let outcome = match rest.split_once('#') {
            Some((_, why)) if directive(why, "skip") => Outcome::new("skipped", why.trim()),
            Some((_, why)) if directive(why, "todo") => Outcome::new(&format!("{result}, to do"), ""),
            _ => Outcome::new(result, ""),
        };
        outcomes.insert(number.to_owned(), outcome);
    }
    outcomes
}

fn directive(why: &str, word: &str) -> bool {
    why.trim_start().get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_the_tests() {
        let outcomes = parse(
            "1..5\nok 1 - pipe from pid 31337\nnot ok 2 - read\n# Failed test 2 - read at io/pipe.t line 40\n\
             ok 3 # skip fork() didn't fail, maybe you're running as root\nnot ok 4 - later # TODO broken on 8.1\n\
             \x20   ok 1 - of a subtest\nok 5\nokay 6\nok, said the child\n",
        );
        let said: Vec<String> = outcomes.iter().map(|(test, outcome)| format!("{test} {outcome}")).collect();
        assert_eq!(
            said,
            [
                "1 ok",
                "2 not ok",
                "3 skipped (skip fork() didn't fail, maybe you're running as root)",
                "4 not ok, to do",
                "5 ok"
            ]
        );
    }

    #[test]
    fn a_file_may_skip_itself() {
        let outcomes = parse("1..0 # Skip no threads\n");
        assert_eq!(outcomes["all"].to_string(), "skipped (# Skip no threads)");
    }
}
