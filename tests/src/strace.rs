//! Reads the log of `strace -f -y -ttt`.
//!
//! ```text
//! 4711 1700000000.000001 openat(AT_FDCWD</srv>, "a.pm", O_RDONLY|O_CLOEXEC) = 3</srv/a.pm>
//! 4711 1700000000.000002 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>
//! 4712 1700000000.000003 mmap(NULL, 8, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</lib/x.so>, 0) = 0x7f0000000000
//! 4711 1700000000.000004 <... clone resumed>, child_tidptr=0x7f0000000010) = 4712
//! ```
//!
//! Calls that were interrupted by another process's line are put together again. Text is ASCII:
//! strace writes everything else as an escape.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What strace is asked to watch: how code comes in, how it is looked for, and how processes come to be.
pub const SYSCALLS: &str = "open,openat,openat2,creat,mmap,stat,lstat,newfstatat,statx,access,faccessat,\
                            faccessat2,execve,execveat,fork,vfork,clone,clone3";

/// One finished system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Thread that called.
    pub tid: u32,
    /// Name of the call.
    pub name: String,
    /// Everything between the parentheses, as strace wrote it.
    pub args: String,
    /// Everything behind the equals sign.
    pub result: String,
}

impl Call {
    /// The number it returned; `None` for an error and for a call that never returned.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let digits = self.result.split(|byte: char| !byte.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// The file that a returned descriptor is open on: `3</srv/a.pm>`. `None` for what has no path.
    #[must_use]
    pub fn opened(&self) -> Option<PathBuf> {
        self.number()?;
        described(&self.result)
    }

    /// The file that a descriptor among the arguments is open on, the last one when there are several.
    #[must_use]
    pub fn mapped(&self) -> Option<PathBuf> {
        let from = self
            .args
            .rfind(", ")
            .map_or(0, |comma| self.args.get(..comma).and_then(|head| head.rfind(", ")).unwrap_or(0));
        described(self.args.get(from..)?)
    }

    /// The first string among the arguments, unescaped, and what follows it.
    #[must_use]
    pub fn string(&self) -> Option<(OsString, &str)> {
        let begin = self.args.find('"')? + 1;
        let text = self.args.get(begin..)?;
        let mut escaped = false;
        let end = text.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        Some((unescape(text.get(..end)?), text.get(end + 1..)?))
    }
}

/// The path in `<...>`; sockets, pipes and anonymous files have none.
fn described(text: &str) -> Option<PathBuf> {
    let begin = text.find('<')? + 1;
    let end = text.rfind('>')?;
    let path = PathBuf::from(unescape(text.get(begin..end)?));
    (path.is_absolute() && !is_anonymous(&path)).then_some(path)
}

/// Files that exist in memory only, or no longer: nobody can preload them.
fn is_anonymous(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    name.starts_with(b"/memfd:") || name.starts_with(b"/dev/") || name.ends_with(b" (deleted)")
}

/// Undoes strace's escapes: C's letters, and octal or hexadecimal bytes.
fn unescape(text: &str) -> OsString {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(kind) = bytes.next() else { break };
        let (mut value, base, most) = match kind {
            b'0'..=b'7' => (u32::from(kind - b'0'), 8, 2),
            b'x' => (0, 16, 2),
            _ => {
                out.push(match kind {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'f' => 12,
                    b'v' => 11,
                    other => other,
                });
                continue;
            }
        };
        for _ in 0..most {
            let Some(digit) = bytes.peek().and_then(|&next| char::from(next).to_digit(base)) else { break };
            value = value * base + digit;
            bytes.next();
        }
        out.push(u8::try_from(value).unwrap_or(u8::MAX));
    }
    OsString::from_vec(out)
}

/// The finished calls of a log, in the order in which they ended.
#[must_use]
pub fn calls(log: &str) -> Vec<Call> {
    let mut unfinished = BTreeMap::new();
    let mut out = Vec::new();
    for line in log.lines() {
        let Some((tid, body)) = split(line) else { continue };
        if let Some(head) = body.strip_suffix("<unfinished ...>") {
            unfinished.insert(tid, head.trim_end().to_owned());
        } else if let Some(rest) = body.strip_prefix("<... ") {
            let (Some(head), Some((_, tail))) = (unfinished.remove(&tid), rest.split_once(" resumed>"))
            else {
                continue;
            };
            out.extend(call(tid, &format!("{head}{tail}")));
        } else {
            out.extend(call(tid, body));
        }
    }
    out
}

/// Thread and the rest of a line, without the time.
fn split(line: &str) -> Option<(u32, &str)> {
    let (tid, rest) = line.split_once(' ')?;
    let (_time, body) = rest.trim_start().split_once(' ')?;
    Some((tid.parse().ok()?, body))
}

/// `name(args) = result`; nothing for exits and signals.
fn call(tid: u32, body: &str) -> Option<Call> {
    let (name, rest) = body.split_once('(')?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    // strace aligns results, so there may be several spaces; a path could hold ") = " only escaped.
    let close = rest.rfind(" = ")?;
    let args = rest.get(..close)?.trim_end().strip_suffix(')')?;
    let result = rest.get(close + 3..)?;
    Some(Call { tid, name: name.to_owned(), args: args.to_owned(), result: result.to_owned() })
}

/// The first process of a log: the program that strace itself started.
#[must_use]
pub fn first_pid(log: &str) -> Option<u32> {
    log.lines().find_map(split).map(|(tid, _)| tid)
}

/// The arguments that make strace write such a log about `program`, with variables for it alone.
#[must_use]
pub fn arguments(log: &Path, variables: &[(&str, &OsStr)]) -> Vec<OsString> {
    let trace = format!("trace={SYSCALLS}");
    let mut out: Vec<OsString> = ["-f", "-y", "-ttt", "-s", "4096", "-e", &trace, "-e", "signal=none", "-o"]
        .map(OsString::from)
        .into();
    out.push(log.into());
    for (name, value) in variables {
        let mut pair = OsString::from(name);
        pair.push("=");
        pair.push(value);
        out.extend(["-E".into(), pair]);
    }
    out.push("--".into());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_put_together() {
        let log = "7 1.0 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n\
                   8 1.1 +++ exited with 0 +++\n\
                   7 1.2 <... clone resumed>, child_tidptr=0x10) = 8\n";
        let calls = calls(log);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].args, "child_stack=NULL, flags=SIGCHLD, child_tidptr=0x10");
        assert_eq!(calls[0].number(), Some(8));
    }

    #[test]
    fn a_path_is_the_kernels_and_unescaped() {
        let call = &calls(r#"7 1.0 openat(AT_FDCWD</srv>, "a\"\n.pm", O_RDONLY) = 3</srv/a\"\n\377.pm>"#)[0];
        assert_eq!(call.opened().unwrap().as_os_str().as_encoded_bytes(), b"/srv/a\"\n\xff.pm");
        let (name, rest) = call.string().unwrap();
        assert_eq!(name, "a\"\n.pm");
        assert_eq!(rest, ", O_RDONLY");
    }

    #[test]
    fn a_failed_call_opened_nothing() {
        let call = &calls(r#"7 1.0 open("/a.pm", O_RDONLY) = -1 ENOENT (No such file or directory)"#)[0];
        assert_eq!(call.number(), None);
        assert_eq!(call.opened(), None);
    }

    #[test]
    fn a_mapping_names_its_file() {
        let log = "7 1.0 mmap(NULL, 8, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</lib/x.so>, 0x1000) = 0x7f";
        assert_eq!(calls(log)[0].mapped(), Some("/lib/x.so".into()));
        let anonymous = "7 1.0 mmap(NULL, 8, PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f";
        assert_eq!(calls(anonymous)[0].mapped(), None);
        let memory = "7 1.0 mmap(NULL, 8, PROT_EXEC, MAP_SHARED, 5</memfd:libffi (deleted)>, 0) = 0x7f";
        assert_eq!(calls(memory)[0].mapped(), None);
    }
}
