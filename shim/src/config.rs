//! What the environment asked for, read once by the constructor and copied.
//!
//! Daemons write their process title over their environment, so nothing here points into it. No
//! hook reads the environment: other interposers hook `getenv`.

use crate::cell::{Alone, Bytes};
use crate::sys;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// Longest label of a program, in bytes.
const MAX_LABEL: usize = 64;

/// Longest path of the executable that is told, in bytes.
const MAX_EXECUTABLE: usize = 512;

/// Longest value of `ALIVE_MATCH`, in bytes.
const MAX_MATCH: usize = 256;

/// What the shim was asked to do.
pub(crate) struct Config {
    /// The collector's address in the kernel's form; empty while the shim is off.
    pub(crate) address: Bytes<28>,
    /// Label of the program.
    pub(crate) program: Bytes<MAX_LABEL>,
    /// Further suffixes that count as code, separated by commas or colons.
    pub(crate) suffixes: Bytes<MAX_MATCH>,
    /// Size of a memory page in KiB.
    pub(crate) page_kib: u32,
    /// Whether Python's imports are listened to.
    pub(crate) python_audit: bool,
    /// Whether a seccomp filter that was there at the start is known to let sockets be opened.
    pub(crate) filter_allows: bool,
    /// Whether native frames are sent.
    pub(crate) native_frames: bool,
    /// Whether lines of interpreted languages are read.
    pub(crate) language_frames: bool,
}

static CONFIG: Alone<Config> = Alone::new(Config {
    address: Bytes::EMPTY,
    program: Bytes::EMPTY,
    suffixes: Bytes::EMPTY,
    page_kib: 4,
    python_audit: false,
    filter_allows: false,
    native_frames: true,
    language_frames: true,
});

/// The configuration; all empty before the constructor ran.
pub(crate) const fn get() -> &'static Config {
    CONFIG.get()
}

/// Whether there is somebody to send to: false where the shim is off.
pub(crate) fn is_on() -> bool {
    !get().address.as_slice().is_empty()
}

/// Reads the environment; false when the shim is to do nothing: `ALIVE_OFF`, or an address that
/// cannot be read (a guess would send a daemon's loads to somebody else).
///
/// # Safety
/// Called by the constructor only, before any hook can find the process forked.
pub(crate) unsafe fn read() -> bool {
    if variable(c"ALIVE_OFF").is_some_and(|value| !matches!(value, b"" | b"0")) {
        return false;
    }
    let address = match variable(c"ALIVE_ADDR") {
        None | Some(b"") => {
            Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, alive_wire::DEFAULT_PORT)))
        }
        Some(text) => core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
    };
    let Some(address) = address else { return false };
    let program = match variable(c"ALIVE_NAME") {
        Some(name) if !name.is_empty() => Bytes::of(name),
        _ => Bytes::of(label(&COMMAND_LINE)),
    };
    // SAFETY: no pointers.
    let page_bytes = unsafe { libc::getauxval(libc::AT_PAGESZ) };
    let page_kib = u32::try_from(page_bytes / 1024).unwrap_or(4);
    // SAFETY: the caller is the constructor.
    unsafe {
        CONFIG.change(|config| {
            config.address = kernel_form(&address);
            config.program = program;
            config.suffixes = Bytes::of(variable(c"ALIVE_MATCH").unwrap_or_default());
            config.page_kib = page_kib;
            config.python_audit = !matches!(variable(c"ALIVE_PYTHON_AUDIT"), Some(b"0"))
                && !python_debugs_its_memory(&COMMAND_LINE);
            config.filter_allows = variable(c"ALIVE_SECCOMP") == Some(b"allow");
            let frames = variable(c"ALIVE_FRAMES");
            config.native_frames = frames != Some(b"none");
            config.language_frames = config.native_frames && frames != Some(b"native");
        });
    }
    true
}

/// A variable of the environment. Only the constructor may ask.
fn variable(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: `name` is a C string, and nobody changes the environment while constructors run.
    let value: *const c_char = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: a non-null result of getenv is a C string; it is copied before the constructor ends.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes())
}

/// `sockaddr_in` or `sockaddr_in6`, byte by byte.
fn kernel_form(address: &SocketAddr) -> Bytes<28> {
    let mut bytes = Bytes::EMPTY;
    #[expect(clippy::cast_possible_truncation, reason = "AF_INET and AF_INET6 are 2 and 10")]
    let family = if address.is_ipv4() { libc::AF_INET as u16 } else { libc::AF_INET6 as u16 };
    bytes.push(&family.to_ne_bytes());
    bytes.push(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            bytes.push(&v4.ip().octets());
            bytes.push(&[0; 8]);
        }
        SocketAddr::V6(v6) => {
            bytes.push(&v6.flowinfo().to_be_bytes());
            bytes.push(&v6.ip().octets());
            bytes.push(&v6.scope_id().to_ne_bytes());
        }
    }
    bytes
}

/// Where the kernel put the command line: how many words, and the words.
struct CommandLine {
    count: AtomicUsize,
    words: AtomicPtr<*const c_char>,
}

static COMMAND_LINE: CommandLine =
    CommandLine { count: AtomicUsize::new(0), words: AtomicPtr::new(core::ptr::null_mut()) };

/// Notes where the command line is. Only good until the constructor ends: daemons write over it.
///
/// # Safety
/// Called by the dynamic linker with the program's own arguments.
#[cfg_attr(test, allow(dead_code, reason = "no constructor runs under unit test"))]
pub(crate) unsafe extern "C" fn note_command_line(count: c_int, words: *const *const c_char) {
    COMMAND_LINE.count.store(usize::try_from(count).unwrap_or(0), Ordering::Relaxed);
    COMMAND_LINE.words.store(words.cast_mut(), Ordering::Relaxed);
}

impl CommandLine {
    /// Its words, while they are the kernel's.
    fn words(&self) -> impl Iterator<Item = &'static [u8]> {
        let words = self.words.load(Ordering::Relaxed).cast_const();
        let count = if words.is_null() { 0 } else { self.count.load(Ordering::Relaxed) };
        (0..count).map(move |index| {
            // SAFETY: the array has `count` words and then a null.
            let word = unsafe { words.wrapping_add(index).read() };
            // SAFETY: each word is a C string of the kernel's.
            if word.is_null() { &[] } else { unsafe { CStr::from_ptr(word) }.to_bytes() }
        })
    }
}

/// Whether a Python would switch to its debugging allocator when it begins. It would then find, at its
/// end, that the audit hook's memory was allocated by another one, and abort.
fn python_debugs_its_memory(command_line: &CommandLine) -> bool {
    let set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let debugs = |value: &[u8]| value.windows(5).any(|word| word == b"debug");
    if set(c"PYTHONDEVMODE") || variable(c"PYTHONMALLOC").is_some_and(debugs) {
        return true;
    }
    is_development_mode(command_line.words().skip(1))
}

/// Whether `-X dev` is among a Python's own options, which end at `-c`, at `-m` or at the script.
fn is_development_mode<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> bool {
    while let Some(word) = words.next() {
        let Some(mut letters) = word.strip_prefix(b"-") else { return false };
        match letters {
            b"" | b"-" => return false,
            b"-check-hash-based-pycs" => _ = words.next(),
            _ if letters.starts_with(b"-") => {}
            // Letters may stand together, and a value right behind its letter.
            _ => {
                while let Some((letter, rest)) = letters.split_first() {
                    letters = rest;
                    let value = match letter {
                        b'c' | b'm' => return false,
                        b'W' | b'X' if rest.is_empty() => words.next().unwrap_or_default(),
                        b'W' | b'X' => rest,
                        _ => continue,
                    };
                    if *letter == b'X' && (value == b"dev" || value.starts_with(b"dev=")) {
                        return true;
                    }
                    break;
                }
            }
        }
    }
    false
}

/// The first word of the command line: for a script, its interpreter. Good until the constructor ends.
pub(crate) fn command() -> Option<&'static [u8]> {
    COMMAND_LINE.words().next()
}

/// A name people know the program by: the script's where an interpreter runs one.
fn label(command_line: &CommandLine) -> &'static [u8] {
    // For a script that was executed by its own name, this is the script.
    // SAFETY: no pointers.
    let executed = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const c_char;
    // SAFETY: the kernel's own string, above the stack.
    let executed = if executed.is_null() { &[] } else { unsafe { CStr::from_ptr(executed) }.to_bytes() };
    let own = base_name(executed);
    let mut words = command_line.words();
    let first = base_name(words.next().unwrap_or_default());
    // A script that was executed by its own name has the interpreter in front of its command line.
    script_of(own, words).unwrap_or(if own.is_empty() { first } else { own })
}

/// Interpreters whose first operand is a script; versions may follow (`python3.11`).
const INTERPRETERS: [&[u8]; 8] = [b"perl", b"python", b"pypy", b"ruby", b"php", b"node", b"lua", b"tclsh"];

/// The script among an interpreter's arguments, when `own` is the name of an interpreter.
fn script_of<'a>(own: &[u8], mut arguments: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let interpreter = INTERPRETERS.iter().any(|name| {
        own.strip_prefix(*name)
            .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')))
    });
    if !interpreter {
        return None;
    }
    while let Some(word) = arguments.next() {
        match word {
            // `python -m gunicorn` names the module; `-e` and `-c` are followed by code, not by a file.
            b"-m" if own.starts_with(b"py") => return arguments.next().filter(|module| !module.is_empty()),
            b"" | b"-c" | b"-e" | b"-E" => return None,
            _ if word.starts_with(b"-") => {}
            _ => return Some(base_name(word)),
        }
    }
    None
}

/// Path of the executable, which only events need: asked for once, before the first of them.
struct Executable {
    /// 0 not asked yet, 1 being asked, 2 known.
    state: AtomicU32,
    path: UnsafeCell<Bytes<MAX_EXECUTABLE>>,
}

// SAFETY: who takes `state` from 0 to 1 is the only one that writes, and nobody reads before it is 2.
unsafe impl Sync for Executable {}

static EXECUTABLE: Executable = Executable { state: AtomicU32::new(0), path: UnsafeCell::new(Bytes::EMPTY) };

/// Asks the kernel for the executable's path, if nobody did. Whoever comes while another thread asks goes
/// without.
pub(crate) fn find_executable() {
    let state = &EXECUTABLE.state;
    if state.load(Ordering::Relaxed) != 0
        || state.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        return;
    }
    let mut link = [0u8; MAX_EXECUTABLE];
    let path = Bytes::of(sys::readlink(c"/proc/self/exe", &mut link).unwrap_or_default());
    // SAFETY: `state` let this thread through alone, and no reader before the store below.
    unsafe { EXECUTABLE.path.get().write(path) };
    state.store(2, Ordering::Release);
}

/// Path of the executable, for the frames of the main program, too; empty before it was asked for.
pub(crate) fn executable() -> &'static [u8] {
    if EXECUTABLE.state.load(Ordering::Acquire) != 2 {
        return &[];
    }
    // SAFETY: it was written before the store that was seen, and is not written again.
    unsafe { &*EXECUTABLE.path.get() }.as_slice()
}

/// What follows the last slash.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_gives_its_interpreter_the_name() {
        let script = |own: &str, arguments: &'static str| {
            let words = arguments.split(' ').map(str::as_bytes);
            script_of(own.as_bytes(), words).map(|name| name.escape_ascii().to_string())
        };
        assert_eq!(script("perl", "-T /usr/bin/starman --workers").as_deref(), Some("starman"));
        assert_eq!(script("python3.11", "-m gunicorn app:app").as_deref(), Some("gunicorn"));
        assert_eq!(script("perl", "-e print"), None);
        assert_eq!(script("postgres", "-D /data"), None);
        assert_eq!(script("pythonista", "a.py"), None);
    }

    #[test]
    fn development_mode_is_found_among_a_pythons_options() {
        let found = |arguments: &'static str| is_development_mode(arguments.split(' ').map(str::as_bytes));
        for arguments in [
            "-X dev app.py",
            "-Xdev",
            "-IXdev -c pass",
            "-X faulthandler -X dev -c pass",
            "-W error -bX dev",
            "--check-hash-based-pycs never -X dev=1",
        ] {
            assert!(found(arguments), "{arguments}");
        }
        for arguments in [
            "app.py -X dev",
            "-c pass -X dev",
            "-mapp -Xdev",
            "-W Xdev",
            "-X importtime",
            "-X",
            "- -X dev",
            "",
        ] {
            assert!(!found(arguments), "{arguments}");
        }
    }

    #[test]
    fn an_address_has_the_kernels_form() {
        let v4 = kernel_form(&"127.0.0.1:25483".parse().unwrap());
        assert_eq!(v4.as_slice(), [2, 0, 0x63, 0x8b, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(kernel_form(&"[::1]:1".parse().unwrap()).as_slice().len(), 28);
    }
}
