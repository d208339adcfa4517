//! `alive ping`: one hit of a tap, from a script.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::parent_id;

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
    let told = |key: &[u8]| args.pairs.iter().any(|(known, _)| known == key);
    // The script is the process that is alive; this one is gone in a moment.
    let script = parent_id().to_string().into_bytes();
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
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    // Whatever keeps it from being sent, a script goes on.
    if let Ok(socket) = UdpSocket::bind(any) {
        let _ = socket.set_nonblocking(true);
        let _ = socket.send_to(&buffer[..length], address);
    }
    Ok(Status::Well)
}

fn address() -> Result<SocketAddr, Failure> {
    let Some(text) = env::var_os("ALIVE_ADDR").filter(|text| !text.is_empty()) else {
        return Ok((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into());
    };
    text.to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::Address(escape::terminal(text.as_bytes())))
}
