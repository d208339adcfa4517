//! `alive ping`: one hit of a tap, from a script.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::parent_id;
use std::path::PathBuf;

use alive_report::escape;
use alive_wire::text::PingLine;
use alive_wire::{DEFAULT_PORT, MAX_SENT};

use crate::args;
use crate::exit::{Failure, Status};
use crate::output::say;

/// Sends the hit.
///
/// # Errors
/// [`Failure::Address`]; that nobody listens is none, and not known either.
pub(crate) fn run(args: &args::Ping) -> Result<Status, Failure> {
    if env::var_os("ALIVE_OFF").is_some_and(|value| !value.is_empty() && value != "0") {
        return Ok(Status::Well);
    }
    let address = address()?;
    let mut buffer = [0; MAX_SENT];
    let Some(mut line) = PingLine::new(&mut buffer, args.name.as_bytes()) else {
        return Err(Failure::EmptyName);
    };
    for (key, value) in &args.pairs {
        if !line.put(key, value) {
            say(&format!("{} is left out: the datagram is full, or the key too long", escape::terminal(key)));
        }
    }
    // Of a socket in the file system the kernel tells who sends, and no other process may be told.
    let tells_itself = matches!(address, Address::Udp(_));
    let told = |key: &[u8]| args.pairs.iter().any(|(known, _)| known == key);
    // The script is the process that is alive; this one is gone in a moment.
    let script = if tells_itself { parent_id().to_string().into_bytes() } else { Vec::new() };
    let host = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    let service = env::var_os("ALIVE_NAME").unwrap_or_default();
    for (key, value) in
        [(&b"pid"[..], script.as_slice()), (b"service", service.as_bytes()), (b"host", host.trim_ascii())]
    {
        if !told(key) && !value.is_empty() {
            line.put(key, value);
        }
    }
    let length = line.finish();
    // Whatever keeps it from being sent, a script goes on.
    let _ = address.send(&buffer[..length]);
    Ok(Status::Well)
}

/// Where a collector listens.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    Udp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Address {
    fn parse(text: &OsStr) -> Option<Self> {
        if let Some(path) = text.as_bytes().strip_prefix(b"unix:") {
            return (!path.is_empty()).then(|| Self::Unix(OsStr::from_bytes(path).into()));
        }
        text.to_str()?.parse().ok().map(Self::Udp)
    }

    /// Sends without waiting.
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        match self {
            Self::Udp(address) => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.set_nonblocking(true)?;
                socket.send_to(datagram, address)
            }
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                socket.send_to(datagram, path)
            }
        }
    }
}

fn address() -> Result<Address, Failure> {
    let Some(text) = env::var_os("ALIVE_ADDR").filter(|text| !text.is_empty()) else {
        return Ok(Address::Udp((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into()));
    };
    Address::parse(&text).ok_or_else(|| Failure::Address(escape::terminal(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_number_with_a_port_or_a_path() {
        let parse = |text: &str| Address::parse(OsStr::new(text));
        assert_eq!(parse("127.0.0.1:7"), Some(Address::Udp(([127, 0, 0, 1], 7).into())));
        assert_eq!(parse("unix:/run/a b"), Some(Address::Unix("/run/a b".into())));
        for text in ["unix:", "/run/a", "localhost:7", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
