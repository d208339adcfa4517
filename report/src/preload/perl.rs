//! Perl's modules by name: `JSON::PP` for `/usr/share/perl/5.36.0/JSON/PP.pm`.
//!
//! Which folder of `@INC` a file was found in is not told. The file itself says it best: the longest end of
//! its path that is also the name of a package in it. Where it cannot be read, the usual folders decide.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Name, Naming, folders, modules, page, parts, single_quoted, text};

/// `use` lines.
pub(super) struct Perl;

impl Dialect for Perl {
    fn title(&self) -> &'static str {
        "Perl modules to load before the fork."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Save it as AlivePreload.pm, and have the master load it before it forks:",
            "  starman -I FOLDER -M AlivePreload --preload-app app.psgi",
            "or `use AlivePreload;` in a daemon's own script. --preload-app loads the application there, too.",
            "Modules that open connections, start threads or seed random numbers must do that in the worker.",
        ]
    }

    fn language(&self) -> &'static str {
        "perl"
    }

    fn name(&self, load: &Load, disk: &dyn Disk) -> Naming {
        name(load, disk)
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        out.push_str("package AlivePreload;\n");
        for folder in folders(entries) {
            let _ = writeln!(out, "use lib {};", single_quoted(folder));
        }
        for (name, note) in modules(entries) {
            let _ = writeln!(out, "use {} (); {}", name.word, page::commented("#", note));
        }
        out.push_str("1;\n");
    }
}

/// What Perl calls a load.
pub(super) fn name(load: &Load, disk: &dyn Disk) -> Naming {
    let xs = is_xs(&load.path);
    if load.language != "perl" && !xs {
        return Naming::Foreign;
    }
    let Some(path) = text(&load.path) else { return Naming::Unnamed(NO_TEXT) };
    if xs {
        return of_xs(path);
    }
    let Some(stem) = path.strip_suffix(".pm") else {
        return Naming::Unnamed(match path.rsplit('.').next() {
            Some("psgi") => "the application itself, which --preload-app loads before the fork",
            Some("al") => "subroutine that AutoLoader splits off its module",
            Some("pl" | "ph") => "script without a name of a module",
            _ => "no module",
        });
    };
    let components = parts(stem);
    let first = shortest(&components);
    let declared = disk.head(&load.path).map(|code| packages(&code)).unwrap_or_default();
    let by_package = (first..components.len())
        .find(|&at| declared.contains(&components.get(at..).unwrap_or_default().join("::")));
    let at = by_package.or_else(|| by_folder(&components).filter(|&at| at >= first));
    match at.and_then(|at| components.get(at..)).filter(|name| !name.is_empty()) {
        Some(name) => Naming::Named(Name { word: name.join("::"), folder: folder(path, name) }),
        None => Naming::Unnamed("module whose folder in @INC is not known"),
    }
}

/// A shared object that belongs to a module: `auto/Encode/JP/JP.so`.
fn is_xs(path: &[u8]) -> bool {
    path.ends_with(b".so") && path.windows(6).any(|part| part == b"/auto/")
}

fn of_xs(path: &str) -> Naming {
    let name =
        path.strip_suffix(".so").and_then(|path| path.rsplit_once("/auto/")).map(|(_, name)| parts(name));
    match name.as_deref() {
        Some([module @ .., file]) if module.last() == Some(file) && shortest(module) == 0 => {
            Naming::named(module.join("::"))
        }
        _ => Naming::Unnamed("shared object without the name of a module"),
    }
}

/// Where the longest end begins that could be the name of a module.
fn shortest(components: &[&str]) -> usize {
    let word = |part: &str| part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let name = components.iter().rev().take_while(|part| word(part)).count();
    let mut at = components.len() - name;
    while components.get(at).is_some_and(|part| part.starts_with(|letter: char| letter.is_ascii_digit())) {
        at += 1;
    }
    at
}

/// The packages that a file declares.
fn packages(code: &[u8]) -> Vec<String> {
    let code = String::from_utf8_lossy(code);
    let mut words = code
        .lines()
        .map(|line| line.split_once('#').map_or(line, |(code, _)| code))
        .flat_map(|line| line.split([' ', '\t', ';', '{', '}']))
        .filter(|word| !word.is_empty());
    let mut names = Vec::new();
    while let Some(word) = words.next() {
        if word == "package" || word == "class" {
            names.extend(words.next().map(str::to_owned));
        }
    }
    names
}

/// Where the name begins behind the folders that Perl looks in by itself, or behind the last `lib`.
fn by_folder(components: &[&str]) -> Option<usize> {
    let own = components.iter().rposition(|part| is_own(part))? + 1;
    let arch = components.get(own).is_some_and(|part| is_arch(part));
    Some(own + usize::from(arch))
}

fn is_own(part: &str) -> bool {
    let versioned =
        part.starts_with("5.") && part.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    versioned || matches!(part, "perl5" | "perl-base" | "site_perl" | "vendor_perl" | "lib")
}

fn is_arch(part: &str) -> bool {
    part.contains("-linux") || part.ends_with("-gnu") || part.contains("-thread-multi")
}

/// The folder to look in, where Perl would not.
fn folder(path: &str, name: &[&str]) -> Option<String> {
    let tail = format!("/{}.pm", name.join("/"));
    let folder = path.strip_suffix(&tail)?;
    let components = parts(folder);
    let own = |part: &&str| part != &"lib" && (is_own(part) || is_arch(part));
    (!components.last().is_some_and(own))
        .then(|| if folder.is_empty() { "/".to_owned() } else { folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, load};
    use super::super::{Dialect as _, Entry, Naming, What};
    use super::{Perl, name};
    use alive_store::model::Load;

    fn module(path: impl AsRef<[u8]>) -> Load {
        Load { language: "perl".into(), ..load(path) }
    }

    /// The name and the folder, where the file holds `code`.
    #[track_caller]
    fn assert_named(path: &str, code: Option<&str>, word: &str, folder: Option<&str>) {
        let files = code.map(|code| (path, code));
        let named = name(&module(path), &Files::of(files.as_slice()));
        let Naming::Named(name) = named else { panic!("{path}: {named:?}") };
        assert_eq!((name.word.as_str(), name.folder.as_deref()), (word, folder), "{path}");
    }

    #[track_caller]
    fn assert_unnamed(path: impl AsRef<[u8]>) {
        let named = name(&module(path), &Files::default());
        assert!(matches!(named, Naming::Unnamed(_)), "{named:?}");
    }

    #[test]
    fn the_usual_folders_tell_the_name() {
        for (path, word) in [
            ("/usr/share/perl/5.36.0/JSON/PP.pm", "JSON::PP"),
            ("/usr/lib/x86_64-linux-gnu/perl/5.36.0/Encode/JP.pm", "Encode::JP"),
            ("/usr/lib/x86_64-linux-gnu/perl-base/Text/Wrap.pm", "Text::Wrap"),
            ("/usr/share/perl5/Plack.pm", "Plack"),
            ("/usr/lib/x86_64-linux-gnu/perl5/5.36/JSON/XS.pm", "JSON::XS"),
            ("/usr/local/lib/perl5/site_perl/5.40.0/x86_64-linux/DBD/Pg.pm", "DBD::Pg"),
            ("/home/app/.plenv/versions/5.38.2/lib/perl5/5.38.2/x86_64-linux-thread-multi/B.pm", "B"),
        ] {
            assert_named(path, None, word, None);
        }
    }

    #[test]
    fn a_file_that_can_be_read_tells_it_better() {
        let path = "/srv/shop/modules/Shop/lib/Cart.pm";
        assert_named(
            path,
            Some("use strict;\npackage Shop::lib::Cart 1.2 {\n"),
            "Shop::lib::Cart",
            Some("/srv/shop/modules"),
        );
        assert_named(
            path,
            Some("package # hidden\n    lib::Cart;"),
            "lib::Cart",
            Some("/srv/shop/modules/Shop"),
        );
        assert_named(
            path,
            Some("# package Shop::lib::Cart;\n1;"),
            "Cart",
            Some("/srv/shop/modules/Shop/lib"),
        );
        assert_named("/srv/Cart.pm", Some("package Cart;"), "Cart", Some("/srv"));
    }

    #[test]
    fn a_shared_object_belongs_to_its_module() {
        let xs = name(&load("/usr/lib/x86_64-linux-gnu/perl/5.36.0/auto/Encode/JP/JP.so"), &Files::default());
        assert_eq!(xs, Naming::named("Encode::JP"));
        assert_eq!(name(&load("/usr/lib/x86_64-linux-gnu/libssl.so.3"), &Files::default()), Naming::Foreign);
        let odd = name(&load("/opt/auto/plugins/radio.so"), &Files::default());
        assert!(matches!(odd, Naming::Unnamed(_)), "{odd:?}");
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        assert_unnamed("/srv/app.psgi");
        assert_unnamed("/usr/share/perl/5.36.0/unicore/Name.pl");
        assert_unnamed("/usr/share/perl5/auto/POSIX/tolower.al");
        assert_unnamed("/srv/modules/Cart.pm");
        assert_unnamed("/usr/share/perl5/My-Cart.pm");
        assert_unnamed("/usr/share/perl5/system('id').pm");
        assert_unnamed(b"/usr/share/perl5/\xff.pm");
        assert_unnamed("/usr/share/perl5/A\nB.pm");
    }

    #[test]
    fn lines_are_perl() {
        let files = Files::of(&[("/srv/it's/Cart.pm", "package Cart;")]);
        let mut out = String::new();
        let entries = ["/usr/share/perl5/Plack.pm", "/srv/it's/Cart.pm"].map(|path| {
            match name(&module(path), &files) {
                Naming::Named(name) => Entry { what: What::Module(name), note: "2 of 2, app.psgi:12".into() },
                other => panic!("{other:?}"),
            }
        });
        Perl.write(&entries, &mut out);
        assert_eq!(
            out,
            "package AlivePreload;\nuse lib '/srv/it\\'s';\nuse Plack (); # 2 of 2, app.psgi:12\n\
             use Cart (); # 2 of 2, app.psgi:12\n1;\n"
        );
    }
}
