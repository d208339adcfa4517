//! The file that `opcache.preload` names: PHP compiles what it lists once, when the server starts.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Naming, Share, modules, page, single_quoted, text};

/// `opcache_compile_file` for each file.
pub(super) struct Php;

impl Dialect for Php {
    fn title(&self) -> &'static str {
        "PHP files to compile when the server starts, for opcache.preload."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Save it beside the application, and name it in php.ini:",
            "  opcache.preload=/srv/preload.php",
            "  opcache.preload_user=www-data    ; needed when the server starts as root",
            "Classes and functions of these files are there for every request; nothing in them is executed here.",
            "A changed file is noticed at the next start of the server only. With OPcache the first worker that",
            "needs a file compiles it for all of them: that few loaded a file does not mean that few use it.",
        ]
    }

    fn opening(&self) -> &'static str {
        "<?php\n"
    }

    fn comment(&self) -> &'static str {
        "//"
    }

    fn language(&self) -> &'static str {
        "php"
    }

    fn name(&self, load: &Load, _: &dyn Disk) -> Naming {
        if load.language != "php" {
            return Naming::Foreign;
        }
        match text(&load.path) {
            None => Naming::Unnamed(NO_TEXT),
            Some(path) if path.ends_with(".phar") => {
                Naming::Unnamed("archive, which cannot be compiled as one file")
            }
            Some(path) => Naming::named(path),
        }
    }

    fn brings_the_rest(&self) -> bool {
        false
    }

    fn share(&self) -> Share {
        Share::Any
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        out.push_str("foreach ([\n");
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "    {}, {}", single_quoted(&name.word), page::commented("//", note));
        }
        out.push_str("] as $file) {\n");
        // A server must start without a file that the next version of the application no longer has.
        out.push_str("    if (is_file($file)) {\n        opcache_compile_file($file);\n    }\n}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, load};
    use super::super::{Dialect as _, Entry, Naming, What};
    use super::Php;
    use alive_store::model::Load;

    fn named(path: impl AsRef<[u8]>) -> Naming {
        Php.name(&Load { language: "php".into(), ..load(path) }, &Files::default())
    }

    #[test]
    fn files_are_named_by_their_path() {
        assert_eq!(named("/srv/index.php"), Naming::named("/srv/index.php"));
        assert_eq!(named("/srv/one.inc"), Naming::named("/srv/one.inc"));
        assert!(matches!(named("/srv/a.phar"), Naming::Unnamed(_)));
        assert!(matches!(named(b"/srv/\xff.php"), Naming::Unnamed(_)));
        assert!(matches!(named("/srv/a\n.php"), Naming::Unnamed(_)));
        assert_eq!(Php.name(&load("/usr/lib/php/20220829/pdo.so"), &Files::default()), Naming::Foreign);
    }

    #[test]
    fn neither_a_quote_nor_the_end_of_php_gets_out() {
        let Naming::Named(name) = named("/srv/it's ?> <b>\\.php") else { panic!("a name") };
        let entry = Entry { what: What::Module(name), note: "1 of 2, ?>.php:3".into() };
        let mut out = String::new();
        Php.write(&[entry], &mut out);
        assert!(out.contains("    '/srv/it\\'s ?> <b>\\\\.php', // 1 of 2, ? >.php:3\n"), "{out}");
    }
}
