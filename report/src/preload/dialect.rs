//! What a list is made of, and what each of its readers has to know.

use alive_store::model::Load;

use super::disk::Disk;

/// How one reader of lists is told what to load.
pub(super) trait Dialect: Sync {
    /// What the list is, for its first line.
    fn title(&self) -> &'static str;

    /// Where it goes and what to watch for, one line of comment each.
    fn advice(&self) -> &'static [&'static str];

    /// What must stand in front of everything, with its newline.
    fn opening(&self) -> &'static str {
        ""
    }

    /// What begins a comment that ends with its line.
    fn comment(&self) -> &'static str {
        "#"
    }

    /// The language, by its word on the wire, whose searches may concern its reader.
    fn language(&self) -> &'static str;

    /// What it calls a load.
    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming;

    /// Whether to load a file also loads what it brought in the workers. Where not, that is listed too.
    fn brings_the_rest(&self) -> bool {
        true
    }

    /// Whether what a file of others brought may be for this list.
    fn looks_below_others(&self) -> bool {
        true
    }

    /// Which processes of a role a load's are compared with.
    fn share(&self) -> Share {
        Share::OfAll
    }

    /// Writes the lines themselves.
    fn write(&self, entries: &[Entry], out: &mut String);
}

/// What the number of processes that loaded a file is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// All processes of the role.
    OfAll,
    /// Nothing but the least number: processes of other kinds are forked at the same place.
    OfThoseThatMay,
    /// Nothing: that one process loaded a file does not mean that one needs it.
    Any,
}

/// What a load is to a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Naming {
    /// It is loaded by this name.
    Named(Name),
    /// This line of the settings makes it, and what it brought, be loaded.
    Setting(&'static str),
    /// It is in the list's language, and no line can be written for it.
    Unnamed(&'static str),
    /// It is nothing that this list's reader could load.
    Foreign,
}

/// A name, all of it text that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// As the language has it, not quoted yet.
    pub(super) word: String,
    /// The folder in which it must be looked for, where the interpreter does not look by itself.
    pub(super) folder: Option<String>,
}

impl Naming {
    pub(super) fn named(word: impl Into<String>) -> Self {
        Self::Named(Name { word: word.into(), folder: None })
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) what: What,
    /// How many processes loaded it and who asked; ready for a comment.
    pub(super) note: String,
}

/// See [`Naming`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Module(Name),
    Setting(&'static str),
}

/// The names among the entries.
pub(super) fn modules(entries: &[Entry]) -> impl Iterator<Item = (&Name, &str)> {
    entries.iter().filter_map(|entry| match &entry.what {
        What::Module(name) => Some((name, entry.note.as_str())),
        What::Setting(_) => None,
    })
}

/// The settings among the entries.
pub(super) fn settings(entries: &[Entry]) -> impl Iterator<Item = (&'static str, &str)> {
    entries.iter().filter_map(|entry| match entry.what {
        What::Setting(line) => Some((line, entry.note.as_str())),
        What::Module(_) => None,
    })
}

/// Folders that the names need, each once, in order.
pub(super) fn folders(entries: &[Entry]) -> Vec<&str> {
    let mut folders = Vec::new();
    for (name, _) in modules(entries) {
        if let Some(folder) = name.folder.as_deref()
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }
    folders
}
