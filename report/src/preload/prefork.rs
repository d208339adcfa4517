//! `prefork.pm`: a module says what it will need later, and who forks has it loaded.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, modules, page, perl, single_quoted};

/// `use prefork` lines.
pub(super) struct Prefork;

impl Dialect for Prefork {
    fn title(&self) -> &'static str {
        "Perl modules that are to be loaded before a fork, for prefork.pm."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put each line beside the `require` that it speaks of, where the comment behind it says.",
            "The lines load nothing by themselves: they do once the daemon says `use prefork ':enable';`,",
            "and by themselves under mod_perl. Without it the modules are loaded when they are needed, as now.",
        ]
    }

    fn language(&self) -> &'static str {
        "perl"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        perl::name(load, disk)
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (name, note) in modules(entries) {
            let _ =
                writeln!(out, "use prefork {}; {}", single_quoted(&name.word), page::commented("#", note));
        }
    }
}
