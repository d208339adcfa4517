//! What the environment asked for, read once by the constructor and copied.
//!
//! Daemons write their process title over their environment, so nothing here points into it. No
//! hook reads the environment: other interposers hook `getenv`.

use crate::cell::{Alone, Bytes};
use crate::sys;
use core::ffi::{CStr, c_char};
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

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
    /// Path of the executable, for the frames of the main program, too.
    pub(crate) executable: Bytes<MAX_EXECUTABLE>,
    /// Further suffixes that count as code, separated by commas or colons.
    pub(crate) suffixes: Bytes<MAX_MATCH>,
    /// Whether native frames are sent.
    pub(crate) native_frames: bool,
}

static CONFIG: Alone<Config> = Alone::new(Config {
    address: Bytes::EMPTY,
    program: Bytes::EMPTY,
    executable: Bytes::EMPTY,
    suffixes: Bytes::EMPTY,
    native_frames: true,
});

/// The configuration; all empty before the constructor ran.
pub(crate) const fn get() -> &'static Config {
    CONFIG.get()
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
    let mut link = [0u8; MAX_EXECUTABLE];
    let executable = Bytes::of(sys::readlink(c"/proc/self/exe", &mut link).unwrap_or_default());
    let program = match variable(c"ALIVE_NAME") {
        Some(name) if !name.is_empty() => Bytes::of(name),
        _ => label(executable.as_slice()),
    };
    // SAFETY: the caller is the constructor.
    unsafe {
        CONFIG.change(|config| {
            config.address = kernel_form(&address);
            config.program = program;
            config.executable = executable;
            config.suffixes = Bytes::of(variable(c"ALIVE_MATCH").unwrap_or_default());
            config.native_frames = !matches!(variable(c"ALIVE_FRAMES"), Some(b"none"));
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

/// A name people know the program by: the script's where an interpreter runs one.
fn label(executable: &[u8]) -> Bytes<MAX_LABEL> {
    let own = base_name(executable);
    let mut buf = [0u8; 1024];
    let script = sys::open_read(c"/proc/self/cmdline").and_then(|fd| {
        let found = script_of(own, sys::read(fd, &mut buf));
        sys::close(fd);
        found
    });
    Bytes::of(script.unwrap_or(own))
}

/// Interpreters whose first operand is a script; versions may follow (`python3.11`).
const INTERPRETERS: [&[u8]; 9] =
    [b"perl", b"python", b"pypy", b"ruby", b"php", b"node", b"lua", b"tclsh", b"uwsgi-python"];

/// The script in a command line of zero-terminated words, when `own` is an interpreter.
fn script_of<'a>(own: &[u8], command_line: &'a [u8]) -> Option<&'a [u8]> {
    let interpreter = INTERPRETERS.iter().any(|name| {
        own.strip_prefix(*name)
            .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')))
    });
    if !interpreter {
        return None;
    }
    let mut words = command_line.split(|byte| *byte == 0).skip(1);
    while let Some(word) = words.next() {
        match word {
            // `python -m gunicorn` names the module; `-e` and `-c` are followed by code, not by a file.
            b"-m" if own.starts_with(b"py") => return words.next().filter(|module| !module.is_empty()),
            b"-c" | b"-e" | b"-E" => return None,
            b"" => return None,
            _ if word.starts_with(b"-") => {}
            _ => return Some(base_name(word)),
        }
    }
    None
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
        assert_eq!(
            script_of(b"perl", b"/usr/bin/perl\0-T\0/usr/bin/starman\0--workers\0"),
            Some(&b"starman"[..])
        );
        assert_eq!(script_of(b"python3.11", b"python3\0-m\0gunicorn\0app:app\0"), Some(&b"gunicorn"[..]));
        assert_eq!(script_of(b"perl", b"perl\0-e\0print 1\0"), None);
        assert_eq!(script_of(b"postgres", b"postgres\0-D\0/data\0"), None);
        assert_eq!(script_of(b"pythonista", b"pythonista\0a.py\0"), None);
    }

    #[test]
    fn an_address_has_the_kernels_form() {
        let v4 = kernel_form(&"127.0.0.1:25483".parse().unwrap());
        assert_eq!(v4.as_slice(), [2, 0, 0x63, 0x8b, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(kernel_form(&"[::1]:1".parse().unwrap()).as_slice().len(), 28);
    }
}
