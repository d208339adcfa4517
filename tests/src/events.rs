//! The events file of the collector, one JSON object a line, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One event.
#[derive(Debug, Clone)]
pub struct Event(Value);

impl Event {
    /// A line of the file.
    ///
    /// # Panics
    /// When it is no JSON object.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert!(value.is_object(), "no object: {line}");
        Self(value)
    }

    /// A member that is a string, empty when it is not there.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member that is a number.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn number(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number `{key}` in {}", self.0))
    }

    /// Any member; null when it is not there.
    #[must_use]
    pub fn member(&self, key: &str) -> &Value {
        &self.0[key]
    }

    /// Process that spoke.
    ///
    /// # Panics
    /// When it has none: only pings in text form lack a pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        u32::try_from(self.number("pid")).expect("a pid fits in 32 bits")
    }

    /// The file it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(self.text("path"))
    }

    /// Which tree it belongs to: pid and start of the executed image.
    ///
    /// # Panics
    /// When it does not say.
    #[must_use]
    pub fn root(&self) -> (u64, &str) {
        let root = &self.0["root"];
        root["pid"].as_u64().zip(root["start"].as_str()).unwrap_or_else(|| panic!("no root in {}", self.0))
    }
}

/// All events of a scene so far, in the order of arrival.
#[derive(Debug, Clone)]
pub struct Events(Vec<Event>);

impl Events {
    /// Reads the whole text of an events file. A last line without its end is still being written.
    ///
    /// # Panics
    /// When a line is no JSON object.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(
            text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(Event::parse).collect(),
        )
    }

    /// Those of one kind: `start`, `load`, `missing`, `ping`.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Event> {
        self.0.iter().filter(move |event| event.text("event") == kind)
    }

    /// Loads of one file.
    #[must_use]
    pub fn loads_of(&self, path: &Path) -> Vec<&Event> {
        let path = canonical(path);
        self.of("load").filter(|event| canonical(event.path()) == path).collect()
    }

    /// The one load of a file.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn the_load_of(&self, path: &Path) -> &Event {
        match self.loads_of(path).as_slice() {
            [load] => load,
            other => panic!("{} loads of {} in {}", other.len(), path.display(), self.told()),
        }
    }

    /// Asserts that the shim spoke, and reported nothing as loaded.
    ///
    /// # Panics
    /// When something was reported, or when no program started under the shim.
    #[track_caller]
    pub fn assert_no_load(&self) {
        assert!(self.of("start").next().is_some(), "the shim was not there: {}", self.told());
        assert_eq!(self.of("load").count(), 0, "no load expected in {}", self.told());
    }

    /// What each process loaded, by canonical path.
    #[must_use]
    pub fn loaded_by_pid(&self) -> BTreeMap<u32, BTreeSet<PathBuf>> {
        let mut out = BTreeMap::<_, BTreeSet<_>>::new();
        for load in self.of("load") {
            out.entry(load.pid()).or_default().insert(canonical(load.path()));
        }
        out
    }

    /// Names that each process told to be missing and did not take back, of the events that are wanted.
    #[must_use]
    pub fn missing_by_pid(&self, wanted: impl Fn(&Event) -> bool) -> BTreeMap<u32, BTreeSet<PathBuf>> {
        let mut out = BTreeMap::<_, BTreeSet<_>>::new();
        for missing in self.of("missing").filter(|event| wanted(event)) {
            let names = out.entry(missing.pid()).or_default();
            let name = PathBuf::from(missing.text("name"));
            if missing.text("outcome") == "failed" {
                names.insert(name);
            } else {
                names.remove(&name);
            }
        }
        out.retain(|_, names| !names.is_empty());
        out
    }

    /// The events in few words, for a failing test.
    #[must_use]
    pub fn told(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|event| event.0.to_string()).collect();
        format!("{} events:\n{}", lines.len(), lines.join("\n"))
    }
}

/// A path with its symbolic links resolved, as far as the file is still there.
#[must_use]
pub fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
