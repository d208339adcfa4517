//! The dynamic linker: libraries that no interpreter's list brings, such as those of name services.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Naming, modules, page, perl, postgres, python, ruby, text};

/// `LD_PRELOAD`.
pub(super) struct Ld;

impl Dialect for Ld {
    fn title(&self) -> &'static str {
        "Libraries to map when the program starts, for the dynamic linker."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into the environment of the daemon alone, in front of what LD_PRELOAD holds already: of a",
            "systemd unit as Environment=, of a container as ENV. /etc/ld.so.preload would hold for every program.",
            "Their symbols come in front of the program's own libraries: try the daemon with it first. Programs",
            "that the daemon executes inherit it; setuid programs ignore it. A setting of the daemon that loads",
            "the library by itself (its own list of modules) is better where there is one.",
        ]
    }

    fn language(&self) -> &'static str {
        "native"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        let others = matches!(
            (
                perl::name(load, disk),
                python::name(load, disk),
                ruby::name(load),
                postgres::Postgres.name(load, disk)
            ),
            (Naming::Foreign, Naming::Foreign, Naming::Foreign, Naming::Foreign)
        );
        if load.kind != "library" || !others || is_php_or_apache(&load.path) {
            return Naming::Foreign;
        }
        let Some(path) = text(&load.path) else { return Naming::Unnamed(NO_TEXT) };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./+@,".contains(letter);
        if path.chars().all(plain) {
            Naming::named(path)
        } else {
            Naming::Unnamed("library whose path LD_PRELOAD cannot hold")
        }
    }

    fn looks_below_others(&self) -> bool {
        false
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "{}", page::commented("#", &format!("{}: {note}", name.word)));
        }
        let paths: Vec<&str> = modules(entries).map(|(name, _)| name.word.as_str()).collect();
        let _ = writeln!(out, "LD_PRELOAD={}", paths.join(":"));
    }
}

/// Modules that their server loads by a setting, and that find nothing to work with anywhere else.
fn is_php_or_apache(path: &[u8]) -> bool {
    let Ok(path) = str::from_utf8(path) else { return false };
    let folders = super::parts(path);
    folders.windows(2).any(|pair| matches!(pair, ["apache2" | "httpd", "modules"]))
        || folders
            .windows(2)
            .any(|pair| pair[0] == "php" && pair[1].chars().all(|letter| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, load};
    use super::super::{Dialect as _, Naming};
    use super::Ld;
    use alive_store::model::Load;

    #[test]
    fn only_libraries_that_no_other_list_brings() {
        let named = |path: &[u8]| Ld.name(&Load { kind: "library".into(), ..load(path) }, &Files::default());
        for path in
            ["/usr/lib/x86_64-linux-gnu/libnss_systemd.so.2", "/usr/lib/x86_64-linux-gnu/gconv/EUC-JP.so"]
        {
            assert_eq!(named(path.as_bytes()), Naming::named(path));
        }
        for path in [
            "/usr/lib/x86_64-linux-gnu/perl/5.36.0/auto/Encode/JP/JP.so",
            "/usr/lib/python3.11/lib-dynload/_decimal.cpython-311-x86_64-linux-gnu.so",
            "/usr/lib/x86_64-linux-gnu/ruby/3.1.0/openssl.so",
            "/usr/lib/postgresql/15/lib/plpgsql.so",
            "/usr/lib/php/20220829/pdo.so",
            "/usr/lib/apache2/modules/mod_perl.so",
        ] {
            assert_eq!(named(path.as_bytes()), Naming::Foreign, "{path}");
        }
        for path in [&b"/opt/a b.so"[..], b"/opt/a:b.so", b"/opt/$LIB/b.so", b"/opt/\xff.so", b"/opt/a\nb.so"]
        {
            assert!(matches!(named(path), Naming::Unnamed(_)), "{path:?}");
        }
    }
}
