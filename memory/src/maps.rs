//! What is mapped into a process, from `maps` or `smaps`.

use crate::sizes::figure;

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether it may be written.
    pub writable: bool,
    /// The file, `None` for anonymous memory.
    pub file: Option<FileId>,
    /// Path of the file, or the kernel's word for what it is; empty for most anonymous memory.
    pub path: Vec<u8>,
    /// Whether the file's name is gone, as after an upgrade.
    pub deleted: bool,
    /// What of it is private and written, in KiB; 0 unless read from `smaps`.
    pub private_dirty_kib: u64,
}

/// A file, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Major and minor number of its device.
    pub device: (u32, u32),
    /// Its inode.
    pub inode: u64,
}

/// What a mapped file is to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// Machine code.
    Library,
    /// Any other file.
    Data,
}

impl FileKind {
    /// The word in every output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Data => "data",
        }
    }
}

impl Mapping {
    /// Bytes of address space.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// What the file is; `None` for what only looks like one: memory without a name or with one that the kernel
    /// made up, shared memory, devices.
    #[must_use]
    pub fn kind(&self) -> Option<FileKind> {
        self.file?;
        let made_up = [&b"/memfd:"[..], b"/SYSV", b"/[aio]", b"/anon_hugepage", b"/dev/", b"/i915", b"/drm"];
        if !self.path.starts_with(b"/") || made_up.iter().any(|name| self.path.starts_with(name)) {
            return None;
        }
        Some(if self.executable || is_library_name(&self.path) { FileKind::Library } else { FileKind::Data })
    }
}

/// Whether a path ends in `.so` or in `.so.` and a version.
fn is_library_name(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    if name.ends_with(b".so") {
        return true;
    }
    let Some(at) = name.windows(4).rposition(|part| part == b".so.") else { return false };
    let version = name.get(at + 4..).unwrap_or_default();
    !version.is_empty() && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Behind the path of a file whose name is gone. A file that is really called so cannot be told from one.
const DELETED: &[u8] = b" (deleted)";

/// The mappings in the order of their addresses. Lines of another form are skipped.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        // Figures begin with a capital, addresses are in small hexadecimal.
        if line.first().is_some_and(u8::is_ascii_uppercase) {
            if let (Some((b"Private_Dirty", kib)), Some(last)) = (figure(line), mappings.last_mut()) {
                last.private_dirty_kib = kib;
            }
        } else {
            mappings.extend(mapping(line));
        }
    }
    mappings
}

/// `1000-2000 r-xp 00000000 fe:00 247749   /usr/lib/libx.so`.
fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        rest = tail.strip_prefix(b" ").unwrap_or(tail);
        str::from_utf8(word).ok()
    };
    let (start, end) = word()?.split_once('-')?;
    let rights = word()?.as_bytes();
    let _offset = word()?;
    let (major, minor) = word()?.split_once(':')?;
    let inode = word()?.parse().ok()?;
    let path = rest.trim_ascii_start();
    let (path, deleted) = path.strip_suffix(DELETED).map_or((path, false), |path| (path, true));
    let hex = |text| u32::from_str_radix(text, 16).ok();
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        writable: rights.get(1) == Some(&b'w'),
        executable: rights.get(2) == Some(&b'x'),
        file: (inode != 0).then_some(FileId { device: (hex(major)?, hex(minor)?), inode }),
        path: unescaped(path),
        deleted,
        private_dirty_kib: 0,
    })
}

/// The kernel writes a newline in a path as `\012`, and nothing else.
fn unescaped(path: &[u8]) -> Vec<u8> {
    const NEWLINE: &[u8] = b"\\012";
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        match rest.strip_prefix(NEWLINE) {
            Some(tail) => {
                out.push(b'\n');
                rest = tail;
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{FileId, FileKind, parse};

    const SMAPS: &[u8] = b"7f00-7f10 r-xp 00003000 fe:01 247749                     /usr/lib/libx.so.1.2\n\
        Size:                  4 kB\nPrivate_Dirty:         4 kB\nVmFlags: rd mr mw me \n\
        7f10-7f20 rw-p 00000000 00:00 0 \nPrivate_Dirty:         8 kB\n\
        7f20-7f30 rw-p 00000000 00:00 0                          [heap]\n";

    #[test]
    fn smaps_tells_what_each_mapping_holds() {
        let mappings = parse(SMAPS);
        assert_eq!(mappings.len(), 3);
        let library = &mappings[0];
        assert_eq!((library.start, library.end, library.bytes()), (0x7f00, 0x7f10, 0x10));
        assert_eq!((library.executable, library.writable, library.private_dirty_kib), (true, false, 4));
        assert_eq!(library.file, Some(FileId { device: (0xfe, 1), inode: 247_749 }));
        assert_eq!(library.path, b"/usr/lib/libx.so.1.2");
        assert_eq!((mappings[1].path.as_slice(), mappings[1].private_dirty_kib), (&b""[..], 8));
        assert_eq!((mappings[2].path.as_slice(), mappings[2].file), (&b"[heap]"[..], None));
    }

    #[test]
    fn a_path_is_bytes_and_may_hold_anything() {
        let text = b"1-2 r--p 0 fe:00 7 /a b\xff/\\012x.so (deleted)\n3-4 r--p 0 fe:00 8    \n";
        let mappings = parse(text);
        assert_eq!(mappings[0].path, b"/a b\xff/\nx.so");
        assert!(mappings[0].deleted);
        assert_eq!(mappings[1].path, b"");
    }

    #[test]
    fn only_files_are_files() {
        let kind = |rights: &str, inode: u64, path: &str| {
            parse(format!("1-2 {rights} 0 fe:00 {inode}  {path}").as_bytes())[0].kind()
        };
        assert_eq!(kind("r-xp", 7, "/usr/lib/plugin.node"), Some(FileKind::Library));
        assert_eq!(kind("r--p", 7, "/usr/lib/libx.so.6 (deleted)"), Some(FileKind::Library));
        assert_eq!(kind("r--p", 7, "/usr/lib/re.so"), Some(FileKind::Library));
        assert_eq!(kind("r--p", 7, "/usr/lib/x.so.conf"), Some(FileKind::Data));
        assert_eq!(kind("r--s", 7, "/usr/lib/locale/locale-archive"), Some(FileKind::Data));
        for path in [
            "/memfd:code (deleted)",
            "/dev/zero (deleted)",
            "/SYSV00000000 (deleted)",
            "/dev/shm/x",
            "[vdso]",
            "anon_inode:[perf]",
            "/[aio] (deleted)",
        ] {
            assert_eq!(kind("rwxs", 7, path), None, "{path}");
        }
        assert_eq!(kind("rw-p", 0, ""), None);
        assert_eq!(kind("rw-p", 0, "[anon:glibc: malloc]"), None);
    }

    #[test]
    fn what_is_no_mapping_is_skipped() {
        for text in [
            &b""[..],
            b"\n\n",
            b"1-2",
            b"x-y r--p 0 fe:00 7 /a",
            b"1-2 r--p 0 fe00 7 /a",
            b"12 r--p 0 fe:00 7 /a",
        ] {
            assert!(parse(text).is_empty(), "{}", text.escape_ascii());
        }
    }
}
