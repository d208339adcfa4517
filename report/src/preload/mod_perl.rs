//! Apache with `mod_perl`: directives that load modules while the server starts.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, folders, modules, page, perl};

/// `PerlModule` lines.
pub(super) struct ModPerl;

impl Dialect for ModPerl {
    fn title(&self) -> &'static str {
        "Perl modules that Apache is to load before it forks."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into the configuration of the server or of a virtual host, behind the line that loads mod_perl.",
            "Apache reads its configuration twice at the start: what the modules do when they are loaded must bear that.",
            "Modules that open connections must do that in the child (PerlChildInitHandler).",
        ]
    }

    fn language(&self) -> &'static str {
        "perl"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        match perl::name(load, disk) {
            // Apache ends a word at a blank, and has no way to write some quotes.
            Naming::Named(name)
                if name
                    .folder
                    .as_ref()
                    .is_some_and(|folder| folder.contains([' ', '"', '\'', '\\', '$'])) =>
            {
                Naming::Unnamed("module in a folder that Apache's configuration cannot name")
            }
            naming => naming,
        }
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for folder in folders(entries) {
            let _ = writeln!(out, "PerlSwitches -I{folder}");
        }
        for (name, note) in modules(entries) {
            // A comment needs a line of its own there.
            let _ = writeln!(out, "{}\nPerlModule {}", page::commented("#", note), name.word);
        }
    }
}
