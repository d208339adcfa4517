//! A `puma.rb`: the application by `preload_app!`, the rest before the fork.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, page, ruby, settings};

/// `preload_app!` and `before_fork`.
pub(super) struct Puma;

impl Dialect for Puma {
    fn title(&self) -> &'static str {
        "What Puma's master is to load before it forks."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it at the end of puma.rb. before_fork runs in the master, behind the application with preload_app!.",
            "preload_app! does not go together with prune_bundler, nor with phased restarts. Without it and with a",
            "Gemfile, begin the block with `require \"bundler/setup\"`.",
            "Connections and threads must be closed in before_fork and opened again in on_worker_boot.",
        ]
    }

    fn language(&self) -> &'static str {
        "ruby"
    }

    fn name(&self, load: &Load, _: &dyn Disk) -> Naming {
        ruby::name(load)
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (line, note) in settings(entries).filter(|(line, _)| *line == ruby::PRELOAD_APP) {
            let _ = writeln!(out, "{line} {}", page::commented("#", note));
        }
        let lines = ruby::lines(entries);
        if lines.is_empty() {
            return;
        }
        out.push_str("before_fork do\n");
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
        out.push_str("end\n");
    }
}
