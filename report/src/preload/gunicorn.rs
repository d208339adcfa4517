//! A `gunicorn.conf.py`: the master runs it before it forks, with `preload_app` and without.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, Naming, folders, modules, page, python, settings};

/// The application by `preload_app`, the rest by imports.
pub(super) struct Gunicorn;

const PRELOAD_APP: &str = "preload_app = True";

impl Dialect for Gunicorn {
    fn title(&self) -> &'static str {
        "What gunicorn's master is to load before it forks."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it at the end of gunicorn.conf.py. The master runs that file before it forks, also without preload_app.",
            "The imports stand in a function because gunicorn takes a name at the top of the file that is also",
            "a setting's (an application's module `config` or `workers`) for that setting.",
            "preload_app: connections that the application opens while it is imported are shared by all workers:",
            "open them in post_fork or at the first request. SIGHUP no longer loads a changed application.",
        ]
    }

    fn language(&self) -> &'static str {
        "python"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        match python::name(load, disk) {
            Naming::Named(_) | Naming::Unnamed(_) if python::is_application(load) => {
                Naming::Setting(PRELOAD_APP)
            }
            naming => naming,
        }
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (line, note) in settings(entries) {
            let _ = writeln!(out, "{line}  {}", page::commented("#", note));
        }
        if modules(entries).next().is_none() {
            return;
        }
        out.push_str(if out.ends_with("\n\n") { "\ndef _preload():\n" } else { "\n\ndef _preload():\n" });
        let folders = folders(entries);
        if !folders.is_empty() {
            out.push_str("    import sys\n\n");
        }
        for folder in folders {
            let _ = writeln!(out, "    sys.path.insert(0, {})", python::quoted(folder));
        }
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "    import {}  {}", name.word, page::commented("#", note));
        }
        out.push_str("\n\n_preload()\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Name, What};
    use super::{Dialect as _, Gunicorn, PRELOAD_APP};

    #[test]
    fn imports_bind_no_name_that_is_a_setting() {
        let module = |word: &str, folder: Option<&str>| Entry {
            what: What::Module(Name { word: word.into(), folder: folder.map(Into::into) }),
            note: "2 of 2".into(),
        };
        let application = Entry { what: What::Setting(PRELOAD_APP), note: "2 of 2, util.py:384".into() };
        let mut out = String::new();
        Gunicorn.write(&[module("csv", None), application, module("config", Some("/srv/\"a\\"))], &mut out);
        assert_eq!(
            out,
            "preload_app = True  # 2 of 2, util.py:384\n\n\ndef _preload():\n    import sys\n\n\
             \x20   sys.path.insert(0, \"/srv/\\\"a\\\\\")\n    import csv  # 2 of 2\n    import config  # 2 of 2\n\n\n_preload()\n"
        );
    }
}
