//! A `postgresql.conf`: libraries that the postmaster loads.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Naming, Share, modules, page, text};

/// `shared_preload_libraries`.
pub(super) struct Postgres;

/// What a library must export to be loaded by PostgreSQL, from version 8.2 on.
const MAGIC: &[u8] = b"Pg_magic_func";

impl Dialect for Postgres {
    fn title(&self) -> &'static str {
        "Libraries that the postmaster is to load before it forks."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into postgresql.conf and restart the server. Where the setting is there already, add to it.",
            "session_preload_libraries and local_preload_libraries are no help: each session loads those itself.",
            "A library that is missing at the next start keeps the server from starting.",
        ]
    }

    fn language(&self) -> &'static str {
        "native"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        if !load.path.ends_with(b".so") || load.kind != "library" {
            return Naming::Foreign;
        }
        let folder = load.path.rsplitn(2, |&byte| byte == b'/').nth(1).unwrap_or_default();
        let own = is_library_folder(folder);
        let magic = disk.head(&load.path).map(|code| code.windows(MAGIC.len()).any(|part| part == MAGIC));
        if !magic.unwrap_or(own) {
            return Naming::Foreign;
        }
        let Some(path) = text(&load.path) else { return Naming::Unnamed(NO_TEXT) };
        let stem = path.strip_suffix(".so").unwrap_or(path);
        let word = if own { stem.rsplit('/').next().unwrap_or(stem) } else { stem };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./+".contains(letter);
        if word.chars().all(plain) {
            Naming::named(word)
        } else {
            Naming::Unnamed("library whose name the setting's list cannot hold")
        }
    }

    /// Sessions and the server's own processes are forked by one function.
    fn share(&self) -> Share {
        Share::OfThoseThatMay
    }

    fn looks_below_others(&self) -> bool {
        false
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "{}", page::commented("#", &format!("{}: {note}", name.word)));
        }
        // Lower case needs no quotes within the quotes, and a list folds nothing else.
        let quoted = |word: &str| {
            let plain = word
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
            if plain { word.to_owned() } else { format!("\"{word}\"") }
        };
        let names: Vec<String> = modules(entries).map(|(name, _)| quoted(&name.word)).collect();
        let _ = writeln!(out, "shared_preload_libraries = '{}'", names.join(", "));
    }
}

/// Whether libraries there are found without their folder: where PostgreSQL's own lie.
fn is_library_folder(folder: &[u8]) -> bool {
    let Ok(folder) = str::from_utf8(folder) else { return false };
    let parts = super::parts(folder);
    match parts.as_slice() {
        [.., "postgresql" | "pgsql", "lib"] | [.., "lib" | "lib64", "postgresql" | "pgsql"] => true,
        // The packages of the PostgreSQL project for Fedora and its kin.
        [.., server, "lib"] if server.starts_with("pgsql-") => true,
        [.., "postgresql", version, "lib"] => {
            version.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, load};
    use super::super::{Dialect as _, Entry, Name, Naming, What};
    use super::Postgres;
    use alive_store::model::Load;

    fn named(path: impl AsRef<[u8]>, files: &Files) -> Naming {
        Postgres.name(&Load { kind: "library".into(), via: "dlopen".into(), ..load(path) }, files)
    }

    #[test]
    fn libraries_of_the_server_are_named_without_their_folder() {
        let plpgsql = "/usr/lib/postgresql/15/lib/plpgsql.so";
        assert_eq!(named(plpgsql, &Files::default()), Naming::named("plpgsql"));
        assert_eq!(named(plpgsql, &Files::of(&[(plpgsql, "\0Pg_magic_func\0")])), Naming::named("plpgsql"));
        assert_eq!(
            named(plpgsql, &Files::of(&[(plpgsql, "\0other\0")])),
            Naming::Foreign,
            "no library of PostgreSQL"
        );
        assert_eq!(named("/usr/pgsql-16/lib/a.so", &Files::default()), Naming::named("a"));
        assert_eq!(named("/usr/pgsql/lib/a.so", &Files::default()), Naming::named("a"));
        let own = "/opt/ours/audit.so";
        assert_eq!(named(own, &Files::of(&[(own, "Pg_magic_func")])), Naming::named("/opt/ours/audit"));
        assert_eq!(named("/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1", &Files::default()), Naming::Foreign);
        assert_eq!(named("/usr/lib/x86_64-linux-gnu/libnss_systemd.so", &Files::default()), Naming::Foreign);
    }

    #[test]
    fn odd_names_are_left_out() {
        for name in ["a'b", "a,b", "a b", "a\"b", "a\nb"] {
            let path = format!("/usr/lib/postgresql/15/lib/{name}.so");
            assert!(matches!(named(&path, &Files::default()), Naming::Unnamed(_)), "{name}");
        }
        assert_eq!(
            named(b"/usr/lib/postgresql/15/lib/\xff.so", &Files::default()),
            Naming::Unnamed(super::NO_TEXT)
        );
    }

    #[test]
    fn one_setting_holds_all() {
        let entry = |word: &str| Entry {
            what: What::Module(Name { word: word.into(), folder: None }),
            note: "2 of 2".into(),
        };
        let mut out = String::new();
        Postgres.write(&["plpgsql", "/opt/Ours/audit"].map(entry), &mut out);
        assert_eq!(
            out,
            "# plpgsql: 2 of 2\n# /opt/Ours/audit: 2 of 2\nshared_preload_libraries = 'plpgsql, \"/opt/Ours/audit\"'\n"
        );
    }
}
