//! Who asked for a load: one place out of a stack, the one that tells a person most.

use alive_store::model::{LanguageFrame, Site, Stack};

use crate::{escape, machinery};

/// The place that asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A line of the interpreted language.
    Language(LanguageFrame),
    /// A place in machine code.
    Native(Site),
}

/// Functions in which an interpreter carries out the program's wish for code. Such a frame tells
/// more than the reader or the allocator below it. Prefixes of symbol names.
const LOADERS: &[&str] = &[
    // Perl
    "Perl_pp_require",
    "Perl_require_pv",
    "Perl_load_module",
    "S_require_file",
    "XS_DynaLoader_dl_load_file",
    "Perl_pp_entereval",
    // Python
    "PyImport_ImportModule",
    "PyFile_OpenCodeObject",
    "_imp_create_dynamic",
    "_PyImport_",
    // Ruby
    "rb_require",
    "rb_f_require",
    "rb_load",
    "rb_autoload",
    // PHP
    "zend_include_or_eval",
    "zend_execute_scripts",
    "php_execute_script",
    // PostgreSQL, PAM, NSS users
    "load_external_function",
    "load_file",
    "_pam_load_module",
    "iconv_open",
    "getpw",
    "getgr",
    "initgroups",
    "getaddrinfo",
];

/// File names of objects in which every load ends, whoever asked: prefixes.
const BELOW_THE_CALLER: &[&[u8]] =
    &[b"libc.so", b"libc-", b"ld-", b"ld.so", b"libpthread", b"libdl", b"libpostfork", b"linux-vdso"];

/// Chooses who asked, from one stack: the innermost line outside of the import machinery, else the
/// innermost interpreter function that loads code, else the innermost frame outside of libc and
/// the dynamic linker, else whatever there is.
#[must_use]
pub fn of_stack(stack: &Stack) -> Option<Caller> {
    if let Some(line) = machinery::asking_line(&stack.language) {
        return Some(Caller::Language(line.clone()));
    }
    let outside = || stack.native.iter().filter(|site| !is_below_the_caller(site));
    stack
        .native
        .iter()
        .find(|site| is_loader(site))
        .or_else(|| outside().find(|site| site.symbol.is_some()))
        .or_else(|| outside().next())
        .or_else(|| stack.native.first())
        .map(|site| Caller::Native(site.clone()))
}

/// The first stack that names somebody.
#[must_use]
pub fn of_stacks(stacks: &[Stack]) -> Option<Caller> {
    stacks.iter().find_map(of_stack)
}

fn is_loader(site: &Site) -> bool {
    site.symbol.as_deref().is_some_and(|symbol| LOADERS.iter().any(|name| symbol.starts_with(name)))
}

fn is_below_the_caller(site: &Site) -> bool {
    let name = file_name(&site.module);
    BELOW_THE_CALLER.iter().any(|prefix| name.starts_with(prefix))
}

/// What stands behind the last slash.
#[must_use]
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// A line for a terminal, without its file's folders: `arbiter.py:589 in spawn_worker()`.
#[must_use]
pub fn line_text(line: &LanguageFrame) -> String {
    line_words(line, escape::terminal)
}

/// A line without its file's folders, with the names as `escape` writes them.
#[must_use]
pub fn line_words(line: &LanguageFrame, escape: impl Fn(&[u8]) -> String) -> String {
    escape(file_name(&line.file)) + &detail(line, escape)
}

/// What stands behind the file: `:589 in spawn_worker()`.
fn detail(line: &LanguageFrame, escape: impl Fn(&[u8]) -> String) -> String {
    let number = if line.line > 0 { format!(":{}", line.line) } else { String::new() };
    let function = escape(&line.function);
    // What interpreters make up for code outside of functions is no call: `<module>`, `block in run`.
    let is_call =
        line.function.last().is_some_and(|last| last.is_ascii_alphanumeric() || b"_?!".contains(last))
            && !line.function.iter().any(|byte| b" <".contains(byte));
    match function.as_str() {
        "" => number,
        name if is_call => format!("{number} in {name}()"),
        name => format!("{number} in {name}"),
    }
}

/// A place in machine code for a terminal: `libperl.so.5.36 Perl_pp_require+0x1b2`.
#[must_use]
pub fn site_text(site: &Site) -> String {
    let module = escape::terminal(file_name(&site.module));
    match &site.symbol {
        Some(symbol) if module.is_empty() => escape::terminal(symbol.as_bytes()),
        Some(symbol) => format!("{module} {}", escape::terminal(symbol.as_bytes())),
        None if module.is_empty() => format!("{:#x}", site.offset),
        None => format!("{module}+{:#x}", site.offset),
    }
}

impl Caller {
    /// The caller for a terminal: the place, which a narrow terminal may shorten, and what must
    /// stand whole behind it (`/srv/views.py` and `:42 in checkout()`).
    #[must_use]
    pub fn text(&self) -> (String, String) {
        match self {
            Self::Native(site) => (site_text(site), String::new()),
            Self::Language(frame) => (escape::terminal(&frame.file), detail(frame, escape::terminal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{line_text, of_stack};
    use alive_store::model::{LanguageFrame, Site, Stack};

    fn site(module: &str, symbol: Option<&str>) -> Site {
        Site { module: module.into(), build_id: Vec::new(), offset: 0x1b2, symbol: symbol.map(str::to_owned) }
    }

    fn frame(file: &str, line: u32, function: &str) -> LanguageFrame {
        LanguageFrame { language: "python".into(), file: file.into(), line, function: function.into() }
    }

    fn text(stack: &Stack) -> String {
        let (place, detail) = of_stack(stack).unwrap().text();
        place + &detail
    }

    #[test]
    fn the_programs_own_line_before_the_import_machinery() {
        let stack = Stack {
            language: vec![
                frame("<frozen importlib._bootstrap>", 241, "_call_with_frames_removed"),
                frame("/srv/app.py", 12, "handler"),
            ],
            native: vec![site("/usr/bin/python3.11", None)],
        };
        assert_eq!(text(&stack), "/srv/app.py:12 in handler()");
    }

    #[test]
    fn a_loading_function_before_the_reader_below_it() {
        let stack = Stack {
            language: Vec::new(),
            native: vec![
                site("/lib/x86_64-linux-gnu/libc.so.6", Some("fopen64+0xa")),
                site("/usr/lib/libperl.so.5.36", Some("PerlIOUnix_open+0x90")),
                site("/usr/lib/libperl.so.5.36", Some("Perl_pp_require+0x1b2")),
            ],
        };
        assert_eq!(text(&stack), "libperl.so.5.36 Perl_pp_require+0x1b2");
    }

    #[test]
    fn the_first_frame_outside_of_libc_when_nothing_is_known() {
        let stack = Stack {
            language: Vec::new(),
            native: vec![
                site("/lib64/ld-linux-x86-64.so.2", Some("_dl_open+0x1")),
                site("/lib/libc.so.6", Some("dlopen+0x1")),
                site("/usr/sbin/daemon", None),
            ],
        };
        assert_eq!(text(&stack), "daemon+0x1b2");
        assert_eq!(of_stack(&Stack::default()), None);
    }

    #[test]
    fn a_line_is_told_by_its_file_its_number_and_its_function() {
        for (line, told) in [
            (frame("/usr/lib/gunicorn/arbiter.py", 589, "spawn_worker"), "arbiter.py:589 in spawn_worker()"),
            (frame("app.psgi", 3, ""), "app.psgi:3"),
            (frame("/srv/views.py", 1, "<module>"), "views.py:1 in <module>"),
            (frame("/srv/cart.rb", 17, "block in empty?"), "cart.rb:17 in block in empty?"),
            (frame("/srv/cart.rb", 17, "empty?"), "cart.rb:17 in empty?()"),
            (frame("/srv/x.php", 0, "Cart::add"), "x.php in Cart::add()"),
            (frame("/srv/\x1b[2J.pl", 2, "f\n"), "\\x1b[2J.pl:2 in f\\x0a"),
        ] {
            assert_eq!(line_text(&line), told);
        }
    }
}
