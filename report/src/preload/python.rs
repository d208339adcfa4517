//! Python's modules by name: `sqlite3` for `/usr/lib/python3.11/sqlite3/__pycache__/__init__.cpython-311.pyc`.
//!
//! The folder of `sys.path` is not told. Behind the folders that Python makes itself (`site-packages`,
//! `lib-dynload`, `python3.11`...) the rest of the path is the name; elsewhere a package reaches as far up
//! as there is an `__init__.py`. Packages without one are told by the line that asked.

use std::fmt::Write as _;

use alive_store::model::Load;

use crate::machinery;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Name, Naming, modules, page, parts, text};

/// `import` lines.
pub(super) struct Python;

impl Dialect for Python {
    fn title(&self) -> &'static str {
        "Python modules to load before the fork."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it at the top of a module that the master imports before it forks, beside its own imports.",
            "A server that loads the application in its workers (gunicorn without --preload, uWSGI with",
            "lazy-apps) imports it there: use --for gunicorn or --for uwsgi for their settings.",
            "Modules that open connections or start threads when they are imported must do that in the worker.",
        ]
    }

    fn language(&self) -> &'static str {
        "python"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        match name(load, disk) {
            Naming::Named(_) if is_application(load) => {
                Naming::Unnamed("the application itself, which gunicorn --preload loads before the fork")
            }
            naming => naming,
        }
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "import {}  {}", name.word, page::commented("#", note));
        }
    }
}

/// Whether gunicorn itself asked for it, as the application that it serves.
pub(super) fn is_application(load: &Load) -> bool {
    load.stacks.iter().filter_map(|stack| machinery::asking_line(&stack.language)).any(|line| {
        line.language == "python"
            && line.file.ends_with(b"/gunicorn/util.py")
            && line.function == b"import_app"
    })
}

/// What Python calls a load.
pub(super) fn name(load: &Load, disk: &dyn Disk) -> Naming {
    let library = load.path.ends_with(b".so");
    if !library && load.language != "python" {
        return Naming::Foreign;
    }
    let Some(path) = text(&load.path) else {
        return if library { Naming::Foreign } else { Naming::Unnamed(NO_TEXT) };
    };
    let Some(module) = without_suffix(path) else {
        return if library { Naming::Foreign } else { Naming::Unnamed("no module") };
    };
    let mut components = parts(&module);
    let package = components.last() == Some(&"__init__");
    if package {
        components.pop();
    }
    let own = components.iter().rposition(|part| is_own(part));
    // A shared object without Python's tag may be anybody's.
    if library && own.is_none() && !path.contains(".cpython-") && !path.contains(".abi3.") {
        return Naming::Foreign;
    }
    let (at, folder) = match own {
        Some(own) => (own + 1, None),
        None => {
            let folder = &components[..components.len().saturating_sub(1)];
            if !disk.is_folder(absolute(folder).as_bytes()) {
                return Naming::Unnamed("module whose folder is not on this machine");
            }
            let is_package =
                |folder: &[&str]| disk.is_file(format!("{}/__init__.py", absolute(folder)).as_bytes());
            let mut at = folder.len();
            while at > 0 && components.get(..at).is_some_and(is_package) {
                at -= 1;
            }
            at -= named_above(load, disk, &components, at);
            (at, components.get(..at).map(absolute))
        }
    };
    match components.get(at..) {
        Some(name) if !name.is_empty() && name.iter().all(|part| is_identifier(part)) => match name.last() {
            Some(&"__main__") => Naming::Unnamed("program, not a module"),
            _ => Naming::Named(Name { word: name.join("."), folder }),
        },
        _ => Naming::Unnamed("file whose name no import statement can hold"),
    }
}

/// How many folders above `at` the line that asked for a module names with it: `from views import cart`
/// asks for `views.cart`, also where the folder `views` holds no `__init__.py`.
fn named_above(load: &Load, disk: &dyn Disk, components: &[&str], at: usize) -> usize {
    let lines = load.stacks.iter().filter_map(|stack| machinery::asking_line(&stack.language));
    let statements: Vec<String> = lines
        .filter_map(|line| {
            let code = disk.head(&line.file)?;
            let number = usize::try_from(line.line).ok()?.checked_sub(1)?;
            code.split(|&byte| byte == b'\n')
                .nth(number)
                .map(|line| String::from_utf8_lossy(line).into_owned())
        })
        .collect();
    let named = |above: &usize| {
        let Some(name) = at.checked_sub(*above).and_then(|from| components.get(from..)) else { return false };
        let whole = name.join(".");
        let from = name.split_last().map(|(last, package)| (package.join("."), *last));
        statements.iter().any(|statement| {
            let mut words =
                statement.split(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter));
            let imported = words.clone().any(|word| word == whole || word.starts_with(&format!("{whole}.")));
            imported
                || from.as_ref().is_some_and(|(package, last)| {
                    words.any(|word| word == "from")
                        && words.next() == Some(package)
                        && words.any(|word| word == *last)
                })
        })
    };
    (1..=at).rev().find(named).unwrap_or_default()
}

fn absolute(folder: &[&str]) -> String {
    format!("/{}", folder.join("/"))
}

/// Folders that Python's installations have in `sys.path`.
fn is_own(part: &str) -> bool {
    let version = |rest: &str| {
        let rest = rest.strip_suffix('t').unwrap_or(rest);
        rest.contains('.') && rest.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    matches!(part, "site-packages" | "dist-packages" | "lib-dynload")
        || part.strip_prefix("python").is_some_and(version)
}

/// The path of a module without what stands for how it is kept: `/a/b` for
/// `/a/__pycache__/b.cpython-311.opt-1.pyc`, `/a/b.abi3.so`, `/a/b.py`.
fn without_suffix(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/')?;
    let (stem, suffix) = file.split_once('.')?;
    let kept = matches!(suffix, "py" | "pyc" | "so" | "abi3.so") || suffix.starts_with("cpython-");
    let folder = match folder.strip_suffix("/__pycache__") {
        Some(above) if suffix.ends_with("pyc") => above,
        _ => folder,
    };
    (kept && !stem.is_empty()).then(|| format!("{folder}/{stem}"))
}

/// A string, as Python reads it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What may stand between the dots of an import statement.
fn is_identifier(part: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
        "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in",
        "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ];
    part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !part.starts_with(|letter: char| letter.is_ascii_digit())
        && !KEYWORDS.contains(&part)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, asked, load};
    use super::super::{Dialect as _, Name, Naming};
    use super::{Python, name};
    use alive_store::model::Load;

    fn module(path: impl AsRef<[u8]>) -> Load {
        Load { language: "python".into(), ..load(path) }
    }

    #[track_caller]
    fn assert_named(path: &str, files: &Files, word: &str, folder: Option<&str>) {
        let named = name(&module(path), files);
        let Naming::Named(name) = named else { panic!("{path}: {named:?}") };
        assert_eq!((name.word.as_str(), name.folder.as_deref()), (word, folder), "{path}");
    }

    #[track_caller]
    fn assert_unnamed(path: impl AsRef<[u8]>) {
        let named = name(&module(path), &Files::default());
        assert!(matches!(named, Naming::Unnamed(_)), "{named:?}");
    }

    #[test]
    fn behind_pythons_own_folders_the_path_is_the_name() {
        for (path, word) in [
            ("/usr/lib/python3.11/__pycache__/csv.cpython-311.pyc", "csv"),
            ("/usr/lib/python3.11/sqlite3/__pycache__/__init__.cpython-311.pyc", "sqlite3"),
            ("/usr/lib/python3.11/xml/dom/__pycache__/minidom.cpython-311.opt-2.pyc", "xml.dom.minidom"),
            ("/usr/lib/python3.11/lib-dynload/_decimal.cpython-311-x86_64-linux-gnu.so", "_decimal"),
            ("/usr/lib/python3/dist-packages/django/http/__init__.py", "django.http"),
            ("/venv/lib/python3.13t/site-packages/google/rpc/code_pb2.py", "google.rpc.code_pb2"),
            ("/venv/lib/python3.12/site-packages/lxml/etree.cpython-312-x86_64-linux-gnu.so", "lxml.etree"),
            ("/venv/lib/python3.12/site-packages/cryptography/_rust.abi3.so", "cryptography._rust"),
            ("/venv/lib/python3.12/site-packages/pip/_vendor/site-packages/six.py", "six"),
        ] {
            assert_named(path, &Files::default(), word, None);
        }
    }

    #[test]
    fn elsewhere_a_package_reaches_as_far_as_its_init() {
        let files = Files::of(&[
            ("/srv/shop/views/cart.py", ""),
            ("/srv/shop/views/__init__.py", ""),
            ("/srv/tool.py", ""),
        ]);
        assert_named(
            "/srv/shop/views/__pycache__/cart.cpython-311.pyc",
            &files,
            "views.cart",
            Some("/srv/shop"),
        );
        assert_named("/srv/shop/views/__init__.py", &files, "views", Some("/srv/shop"));
        assert_named("/srv/tool.py", &files, "tool", Some("/srv"));
        assert_unnamed("/elsewhere/tool.py");
    }

    #[test]
    fn the_line_that_asked_tells_packages_without_an_init() {
        let app =
            "import os\nfrom shop.views import base, cart\nx = __import__('shop.views.cart')\nimport carts\n";
        let files = Files::of(&[("/srv/app.py", app), ("/srv/shop/views/cart.py", "")]);
        let at = |line| asked(module("/srv/shop/views/cart.py"), "python", "/srv/app.py", line, "index");
        let named = |word: &str, folder: &str| Name { word: word.into(), folder: Some(folder.into()) };
        for line in [2, 3] {
            assert_eq!(
                name(&at(line), &files),
                Naming::Named(named("shop.views.cart", "/srv")),
                "line {line}"
            );
        }
        for line in [1, 4, 9] {
            assert_eq!(
                name(&at(line), &files),
                Naming::Named(named("cart", "/srv/shop/views")),
                "line {line}"
            );
        }
    }

    #[test]
    fn what_no_statement_can_hold_is_left_out() {
        for path in
            ["my-cart.py", "class.py", "2024.py", "a b.py", "x;import os.py", "__main__.py", "größe.py"]
        {
            assert_unnamed(format!("/usr/lib/python3/dist-packages/{path}"));
        }
        assert_unnamed(b"/usr/lib/python3/dist-packages/\xff.py");
        assert_unnamed("/usr/lib/python3/dist-packages/a\nb.py");
    }

    #[test]
    fn a_library_is_no_module() {
        for path in [
            "/usr/lib/x86_64-linux-gnu/libssl.so.3",
            "/opt/radio.so",
            "/usr/lib/postgresql/15/lib/plpgsql.so",
        ] {
            assert_eq!(name(&load(path), &Files::default()), Naming::Foreign, "{path}");
        }
    }

    #[test]
    fn the_application_comes_by_a_setting() {
        let files = Files::of(&[("/srv/app.py", "")]);
        let util = "/usr/lib/python3/dist-packages/gunicorn/util.py";
        let application = asked(module("/srv/app.py"), "python", util, 384, "import_app");
        assert!(matches!(Python.name(&application, &files), Naming::Unnamed(_)));
        let other = asked(module("/srv/app.py"), "python", "/srv/run.py", 3, "import_app");
        assert!(matches!(Python.name(&other, &files), Naming::Named(_)));
    }
}
