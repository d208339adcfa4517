//! The report's JSON document, read. A key that is not there counts for nothing: pages are made of documents
//! whose programs measured much and of such whose programs measured little.

use serde_json::Value;

/// A text, empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A number, 0 where there is none.
pub(super) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// A list, empty where there is none.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a program has anything to tell of forks.
pub(super) fn is_told(program: &Value) -> bool {
    !list(program, "findings").is_empty()
        || list(program, "roles").iter().any(|role| !text(role, "parent").is_empty())
}

/// A figure of a finding with all that it brought.
pub(super) fn total(finding: &Value, key: &str) -> u64 {
    finding.get("total").map_or_else(|| number(finding, key), |total| number(total, key))
}

/// A figure of a load alone.
fn own(node: &Value, key: &str) -> u64 {
    node.get("own").map_or_else(|| number(node, key), |own| number(own, key))
}

/// What loading once instead of in every process would spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spared {
    /// Sizes of the files, one for each repeated load.
    pub(super) bytes: u64,
    /// Microseconds; 0 where none were measured.
    pub(super) micros: u64,
    /// Private memory, in KiB; 0 where it is not known.
    pub(super) private_kib: u64,
}

impl Spared {
    /// Of a finding and all that it brought.
    pub(super) fn by(finding: &Value) -> Self {
        let tree = list(finding, "tree");
        let repeats = number(finding, "workers").saturating_sub(1);
        let below = |key| tree.iter().map(|node| whole(node, key)).fold(0, u64::saturating_add);
        let alone = |key| match finding.get("own") {
            Some(own) => number(own, key),
            None => total(finding, key).saturating_sub(below(key)),
        };
        let brought = |key| tree.iter().map(|node| repeated(node, key)).fold(0, u64::saturating_add);
        let all = |key| repeats.saturating_mul(alone(key)).saturating_add(brought(key));
        Self { bytes: all("bytes"), micros: all("micros"), private_kib: all("private_kib") }
    }

    /// How much of another one this is, in percent, by the measure that is shown.
    pub(super) fn share_of(self, all: Self) -> u64 {
        let (part, whole) =
            if all.private_kib > 0 { (self.private_kib, all.private_kib) } else { (self.bytes, all.bytes) };
        part.saturating_mul(100) / whole.max(1)
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            micros: self.micros.saturating_add(other.micros),
            private_kib: self.private_kib.saturating_add(other.private_kib),
        }
    }
}

/// Whether a part of a finding's time and memory is estimated.
pub(super) fn is_estimate(finding: &Value) -> bool {
    finding.pointer("/total/estimated").and_then(Value::as_bool).unwrap_or(false)
}

/// A figure over a node and all below it. Nesting is bounded by the forest.
fn whole(node: &Value, key: &str) -> u64 {
    list(node, "tree").iter().map(|below| whole(below, key)).fold(own(node, key), u64::saturating_add)
}

/// The same, times the processes of each node but the first.
fn repeated(node: &Value, key: &str) -> u64 {
    let alone = number(node, "workers").saturating_sub(1).saturating_mul(own(node, key));
    list(node, "tree").iter().map(|below| repeated(below, key)).fold(alone, u64::saturating_add)
}

/// Who asked, in a line: the place and what stands behind it.
pub(super) fn caller(value: &Value) -> Option<String> {
    let caller = value.get("caller").filter(|caller| !caller.is_null())?;
    if let Some(file) = caller.get("file").and_then(Value::as_str) {
        let line = match number(caller, "line") {
            0 => String::new(),
            line => format!(":{line}"),
        };
        let function = match text(caller, "function") {
            "" => String::new(),
            name => format!(" in {name}"),
        };
        return Some(format!("{file}{line}{function}"));
    }
    let module = name(text(caller, "module"));
    Some(match caller.get("symbol").and_then(Value::as_str) {
        Some(symbol) => format!("{module} {symbol}"),
        None => format!("{module}+{:#x}", number(caller, "offset")),
    })
}

/// What stands behind the last slash.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a person calls a file: its name, with its folder where the name alone tells nothing, and its source's
/// where it is a compiled Python file.
pub(super) fn title(path: &str) -> String {
    let mut parts = path.rsplit('/').filter(|part| *part != "__pycache__");
    let name = parts.next().unwrap_or(path);
    let name = match name.strip_suffix(".pyc").and_then(|stem| stem.split('.').next()) {
        Some(module) => format!("{module}.py"),
        None => name.to_owned(),
    };
    match parts.next() {
        Some(folder) if !folder.is_empty() && is_told_by_its_folder(&name, folder) => {
            format!("{folder}/{name}")
        }
        _ => name,
    }
}

/// Whether a name alone tells nothing: every package has one, or its folder is the first part of its name, as of a
/// module of Perl.
fn is_told_by_its_folder(name: &str, folder: &str) -> bool {
    let is_perls = name.ends_with(".pm") && folder.starts_with(|first: char| first.is_ascii_uppercase());
    is_perls || GENERAL.iter().any(|stem| name.starts_with(stem))
}

/// Beginnings of file names that every package has.
const GENERAL: &[&str] =
    &["__init__.", "__main__.", "base.", "core.", "index.", "main.", "utils.", "version."];

#[cfg(test)]
mod tests {
    use super::{Spared, caller, title};
    use serde_json::json;

    #[test]
    fn what_is_spared_is_what_the_second_and_every_further_process_repeats() {
        let finding = json!({
            "workers": 4, "bytes": 1_000, "micros": 50,
            "tree": [{"path": "/b", "workers": 2, "bytes": 300, "micros": 10, "tree": [
                {"path": "/c", "workers": 1, "bytes": 100, "micros": 0, "tree": []}]}],
        });
        // 600 in four processes, 300 in two, 100 in one.
        assert_eq!(
            Spared::by(&finding),
            Spared { bytes: 3 * 600 + 300, micros: 3 * 40 + 10, private_kib: 0 }
        );
        let measured = json!({"workers": 3, "total": {"bytes": 10, "micros": 0, "private_kib": 7}});
        assert_eq!(Spared::by(&measured), Spared { bytes: 20, micros: 0, private_kib: 14 });
        assert_eq!(Spared::by(&json!({})), Spared::default(), "nothing told, nothing spared");
        let all = Spared { bytes: 100, micros: 0, private_kib: 70 };
        assert_eq!(Spared::by(&measured).share_of(all), 20, "of memory, where that is known");
        assert_eq!(Spared::by(&finding).share_of(Spared { bytes: 4_200, ..Spared::default() }), 50);
    }

    #[test]
    fn a_caller_is_a_line_or_a_place_in_machine_code() {
        let line = json!({"caller": {"file": "/srv/a.py", "line": 3, "function": "f"}});
        assert_eq!(caller(&line).unwrap(), "/srv/a.py:3 in f");
        let place = json!({"caller": {"module": "/usr/lib/libx.so", "offset": 16, "symbol": null}});
        assert_eq!(caller(&place).unwrap(), "libx.so+0x10");
        assert_eq!(caller(&json!({"caller": null})), None);
    }

    #[test]
    fn a_title_is_what_a_person_calls_the_file() {
        for (path, expected) in [
            ("/usr/share/perl5/LWP/UserAgent.pm", "LWP/UserAgent.pm"),
            ("/usr/lib/perl5/POSIX.pm", "POSIX.pm"),
            ("/lib/django/urls/__pycache__/__init__.cpython-311.pyc", "urls/__init__.py"),
            ("/lib/__pycache__/decimal.cpython-311.opt-1.pyc", "decimal.py"),
            ("optional", "optional"),
            ("/__init__.py", "__init__.py"),
        ] {
            assert_eq!(title(path), expected);
        }
    }
}
