//! A TOML document that is asked for its keys one by one. The keys that were asked for are those that are
//! known: any other one is a slip of the pen, and is told with its line and with what may have been meant.

use std::ops::Range;

use alive_report::escape;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How alike two keys are, at least, when one may have been meant for the other; 1 is the same.
const ALIKE: f64 = 0.75;

/// What is wrong in a document, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) line: usize,
    pub(super) what: String,
}

/// A document, and the keys that it was asked for.
#[derive(Debug)]
pub(super) struct Document<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    /// With the names of the tables that they stand in.
    known: Vec<String>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, Flaw> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { text, root, known: Vec::new() }),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, &span));
                // Said in several lines where a list of what was expected follows.
                let what = error.message().split('\n').collect::<Vec<_>>().join(", ");
                Err(Flaw { line, what: escape::terminal(what.as_bytes()) })
            }
        }
    }

    /// What `read` makes of the value of a key, written as `table.key` where it stands in a table; `None` where
    /// it is not there.
    pub(super) fn get<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> Result<Option<T>, Flaw> {
        self.known.push(key.to_owned());
        let mut table = self.root.get_ref();
        let mut names = key.split('.').peekable();
        while let Some(name) = names.next() {
            let Some(value) = table.get(name) else { return Ok(None) };
            let flaw =
                |what| Flaw { line: line_of(self.text, &value.span()), what: format!("`{key}`: {what}") };
            if names.peek().is_none() {
                return read(value.get_ref()).map(Some).map_err(flaw);
            }
            let DeValue::Table(inner) = value.get_ref() else { return Ok(None) };
            table = inner;
        }
        Ok(None)
    }

    /// That nothing is in the document but what it was asked for.
    pub(super) fn finish(self) -> Result<Vec<String>, Flaw> {
        let mut tables = vec![(String::new(), self.root.get_ref())];
        while let Some((prefix, table)) = tables.pop() {
            for (name, value) in table {
                let key = format!("{prefix}{}", name.get_ref());
                let below = format!("{key}.");
                match value.get_ref() {
                    _ if self.known.contains(&key) => {}
                    DeValue::Table(inner) if self.known.iter().any(|known| known.starts_with(&below)) => {
                        tables.push((below, inner));
                    }
                    _ => return Err(self.unknown(&key, &name.span())),
                }
            }
        }
        Ok(self.known)
    }

    fn unknown(&self, key: &str, at: &Range<usize>) -> Flaw {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let likeness = |known: &String| {
            strsim::jaro_winkler(known, key).max(strsim::jaro_winkler(&last(known), &last(key)))
        };
        let nearest = self
            .known
            .iter()
            .map(|known| (likeness(known), known))
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .filter(|(likeness, _)| *likeness >= ALIKE);
        let advice = match nearest {
            Some((_, known)) => format!("did you mean `{known}`?"),
            None => format!("known are {}", self.known.join(", ")),
        };
        let what = format!("there is no key `{}`: {advice}", escape::terminal(key.as_bytes()));
        Flaw { line: line_of(self.text, at), what }
    }
}

/// The line of a place in the text, from 1.
fn line_of(text: &str, at: &Range<usize>) -> usize {
    text.bytes().take(at.start).filter(|&byte| byte == b'\n').count() + 1
}

pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "give true or false".to_owned())
}

/// What `read` makes of a text.
pub(super) fn text<T>(
    read: impl FnOnce(&str) -> Result<T, String>,
) -> impl FnOnce(&DeValue<'_>) -> Result<T, String> {
    move |value| match value.as_str() {
        Some(text) => read(text),
        None => Err(format!("give a text in quotes, not {}", kind(value))),
    }
}

/// What `read` makes of a text, or of a whole number as a text.
pub(super) fn text_or_number<T>(
    read: impl FnOnce(&str) -> Result<T, String>,
) -> impl FnOnce(&DeValue<'_>) -> Result<T, String> {
    move |value| match value {
        DeValue::Integer(number) if number.radix() == 10 => read(number.as_str()),
        _ => text(read)(value),
    }
}

/// What `read` makes of each text of a list.
pub(super) fn texts<T>(
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> impl FnOnce(&DeValue<'_>) -> Result<Vec<T>, String> {
    move |value| {
        let Some(list) = value.as_array() else {
            return Err(format!("give a list of texts in [ ], not {}", kind(value)));
        };
        list.iter().map(|item| text(&mut read)(item.get_ref())).collect()
    }
}

fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        other => format!("a {}", other.type_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<(Option<String>, Option<bool>), Flaw> {
        let mut document = Document::parse(text)?;
        let db = document.get("db", super::text(|db| Ok(db.to_owned())))?;
        let look = document.get("memory.look", boolean)?;
        document.finish()?;
        Ok((db, look))
    }

    fn flaw(text: &str) -> (usize, String) {
        let flaw = asked(text).unwrap_err();
        (flaw.line, flaw.what)
    }

    #[test]
    fn keys_that_are_there_are_read_and_the_others_are_not() {
        assert_eq!(asked("").unwrap(), (None, None));
        assert_eq!(asked("db = 'a'\n[memory]\nlook = false").unwrap(), (Some("a".into()), Some(false)));
        assert_eq!(asked("memory = { look = true }").unwrap(), (None, Some(true)));
    }

    #[test]
    fn a_key_that_is_not_known_is_told_with_its_line_and_its_neighbour() {
        assert_eq!(flaw("\n# words\ndbs = 'x'"), (3, "there is no key `dbs`: did you mean `db`?".into()));
        assert_eq!(flaw("look = true").1, "there is no key `look`: did you mean `memory.look`?");
        assert_eq!(flaw("[memory]\nloook = true").0, 2);
        assert_eq!(flaw("[menory]\nlook = true").1, "there is no key `menory`: did you mean `memory.look`?");
        assert_eq!(flaw("xyz = 1").1, "there is no key `xyz`: known are db, memory.look");
        assert_eq!(flaw("\"a\\u001b[2J\" = 1").1, "there is no key `a\\x1b[2J`: known are db, memory.look");
    }

    #[test]
    fn a_value_of_another_sort_is_told_with_its_key() {
        assert_eq!(flaw("db = 7"), (1, "`db`: give a text in quotes, not a integer".into()));
        assert_eq!(flaw("[memory]\n\nlook = 'yes'"), (3, "`memory.look`: give true or false".into()));
        assert_eq!(flaw("memory = 7").1, "there is no key `memory`: did you mean `memory.look`?");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let (line, what) = flaw("db = 'a'\nlook is true\n");
        assert_eq!(line, 2, "{what}");
        assert!(!what.contains('\n'), "{what}");
    }
}
