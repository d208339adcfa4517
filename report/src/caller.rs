//! Who asked for a load: one place out of a stack, the one that tells a person most.

use alive_store::model::{LanguageFrame, Site, Stack};

use crate::escape;

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

/// Chooses who asked, from one stack: the innermost line of the program's own language, else the
/// innermost interpreter function that loads code, else the innermost frame outside of libc and
/// the dynamic linker, else whatever there is.
#[must_use]
pub fn of_stack(stack: &Stack) -> Option<Caller> {
    let own = stack.language.iter().find(|frame| !is_import_machinery(frame));
    if let Some(frame) = own.or_else(|| stack.language.first()) {
        return Some(Caller::Language(frame.clone()));
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

/// The interpreter's own import code, written in its own language.
fn is_import_machinery(frame: &LanguageFrame) -> bool {
    frame.file.starts_with(b"<frozen ")
        || frame.file.starts_with(b"<internal:")
        || frame.file.ends_with(b"/rubygems/core_ext/kernel_require.rb")
        || frame.file.ends_with(b"/XSLoader.pm")
        || frame.file.ends_with(b"/DynaLoader.pm")
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
    /// stand whole behind it (`/srv/app.psgi` and `:12 in main::handler`).
    #[must_use]
    pub fn text(&self) -> (String, String) {
        match self {
            Self::Native(site) => (site_text(site), String::new()),
            Self::Language(frame) => {
                let mut detail = String::new();
                if frame.line > 0 {
                    detail = format!(":{}", frame.line);
                }
                if !frame.function.is_empty() {
                    detail = format!("{detail} in {}", escape::terminal(&frame.function));
                }
                (escape::terminal(&frame.file), detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of_stack;
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
        assert_eq!(text(&stack), "/srv/app.py:12 in handler");
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
}
