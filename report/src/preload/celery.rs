//! A Celery application: its worker forks a pool of processes.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, folders, modules, page, python};

/// Imports at the signal that comes before the pool is forked.
pub(super) struct Celery;

impl Dialect for Celery {
    fn title(&self) -> &'static str {
        "Python modules that Celery's worker is to load before it forks its pool."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into the module that holds the Celery application (the one that -A names).",
            "worker_init is sent in the worker's main process alone, before the pool is forked; what only",
            "sends tasks imports nothing of it. Modules with tasks belong into the setting `imports` instead.",
            "Connections belong into worker_process_init, which is sent in each process of the pool.",
        ]
    }

    fn language(&self) -> &'static str {
        "python"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        python::name(load, disk)
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        out.push_str("from celery.signals import worker_init\n\n\n");
        // The signal holds functions weakly: this one stays because the module has its name.
        out.push_str("@worker_init.connect\ndef _preload(**_):\n");
        let folders = folders(entries);
        if !folders.is_empty() {
            out.push_str("    import sys\n\n");
        }
        for folder in folders {
            let folder = python::quoted(folder);
            let _ = writeln!(out, "    if {folder} not in sys.path:\n        sys.path.append({folder})");
        }
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "    import {}  {}", name.word, page::commented("#", note));
        }
    }
}
