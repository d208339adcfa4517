//! The shim's word against the interpreter's.

use serde_json::Value;

/// A module, and the line that asked for it, as the interpreter itself tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    module: &'a str,
    file: &'a str,
    line: u64,
}

/// How many of the modules that a script loaded were reported, and as the interpreter tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Agreement {
    pub(super) modules: usize,
    /// Modules whose load was reported at all.
    pub(super) reported: usize,
    /// Of these, those that were reported with a line of the language.
    pub(super) answered: usize,
    /// Of these, those whose line is the interpreter's.
    pub(super) agreed: usize,
    pub(super) disagreements: Vec<String>,
}

impl<'a> Asked<'a> {
    /// Every `asked MODULE<tab>FILE<tab>LINE` of a script's output.
    pub(super) fn all(said: &'a str) -> Vec<Self> {
        said.lines()
            .filter_map(|line| {
                let mut words = line.strip_prefix("asked ")?.split('\t');
                Some(Self { module: words.next()?, file: words.next()?, line: words.next()?.parse().ok()? })
            })
            .collect()
    }
}

/// What stands behind `version` in a script's output.
pub(super) fn version(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.strip_prefix("version "))
}

impl Agreement {
    /// Compares with the collector's events, an object a line.
    pub(super) fn of(asked: &[Asked<'_>], events: &str) -> Self {
        let events: Vec<Value> = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut agreement = Self { modules: asked.len(), ..Self::default() };
        for Asked { module, file, line } in asked {
            let load = events.iter().find(|event| event["event"] == "load" && event["path"] == *module);
            let caller = load.map_or(&Value::Null, |load| &load["caller"]);
            let answer = (caller["file"].as_str(), caller["line"].as_u64());
            if load.is_some() {
                agreement.reported += 1;
            }
            if answer.0.is_some() {
                agreement.answered += 1;
            }
            if answer == (Some(*file), Some(*line)) {
                agreement.agreed += 1;
                continue;
            }
            let reported = match (load, answer.0) {
                (None, _) => "was not reported as loaded".to_owned(),
                (Some(_), None) => "was reported without a line of the language".to_owned(),
                (Some(_), Some(_)) => format!("was reported as asked for by {caller}"),
            };
            agreement.disagreements.push(format!("{module}, asked for by {file}:{line}, {reported}"));
        }
        agreement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "version 5.36.0\nasked /w/Outer.pm\t/w/main.pl\t19\nasked /w/Inner.pm\t/w/Outer.pm\t5\n\
                        asked /w/Late.pm\t/w/main.pl\t12\nasked /w/Gone.pm\t/w/main.pl\t13\n";

    const EVENTS: &str = concat!(
        r#"{"event":"load","path":"/w/Outer.pm","caller":{"file":"/w/main.pl","line":19}}"#,
        "\n",
        r#"{"event":"load","path":"/w/Inner.pm","caller":{"file":"/w/main.pl","line":19}}"#,
        "\n",
        r#"{"event":"load","path":"/w/Late.pm","caller":{"module":"/usr/bin/perl","offset":1}}"#,
        "\n",
    );

    #[test]
    fn a_line_counts_when_it_is_the_interpreters() {
        assert_eq!(version(SAID), Some("5.36.0"));
        let agreement = Agreement::of(&Asked::all(SAID), EVENTS);
        let Agreement { modules, reported, answered, agreed, .. } = agreement;
        assert_eq!((modules, reported, answered, agreed), (4, 3, 2, 1));
        assert_eq!(
            agreement.disagreements,
            [
                r#"/w/Inner.pm, asked for by /w/Outer.pm:5, was reported as asked for by {"file":"/w/main.pl","line":19}"#,
                "/w/Late.pm, asked for by /w/main.pl:12, was reported without a line of the language",
                "/w/Gone.pm, asked for by /w/main.pl:13, was not reported as loaded",
            ]
        );
    }
}
