//! A `uwsgi.ini`: modules that the master imports.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, folders, modules, page, python};

/// `shared-import` lines.
pub(super) struct Uwsgi;

impl Dialect for Uwsgi {
    fn title(&self) -> &'static str {
        "Python modules that uWSGI's master is to load before it forks."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into the section [uwsgi] of the ini file, which needs master = true.",
            "shared-import runs in the master with lazy-apps, too; `import` would then run in each worker.",
            "Without lazy-apps the application itself is loaded in the master. Leave lazy-apps out unless the",
            "application opens connections or starts threads while it is imported.",
        ]
    }

    fn language(&self) -> &'static str {
        "python"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        match python::name(load, disk) {
            // uWSGI replaces %v, $(NAME) and @(file) in values.
            Naming::Named(name)
                if name.folder.as_ref().is_some_and(|folder| folder.contains(['%', '$', '@'])) =>
            {
                Naming::Unnamed("module in a folder that an ini file cannot name")
            }
            naming => naming,
        }
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for folder in folders(entries) {
            let _ = writeln!(out, "pythonpath = {folder}");
        }
        for (name, note) in modules(entries) {
            // What stands behind a value is part of it.
            let _ = writeln!(out, "{}\nshared-import = {}", page::commented("#", note), name.word);
        }
    }
}
