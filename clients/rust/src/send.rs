//! One hit as one datagram.

use core::fmt::{self, Display, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use alive_wire::MAX_SENT;
use alive_wire::text::{MAX_VALUE, PingLine};

use crate::Place;
use crate::settings::Settings;

/// Composes the line and sends it from a socket that lives for this call only: a descriptor that is kept
/// would be closed, or taken over, by a daemon. False where there is no descriptor for it.
pub(crate) fn send(
    settings: &Settings,
    name: &[u8],
    place: &Place,
    context: &[(&str, &dyn Display)],
) -> bool {
    let mut buffer = [0; MAX_SENT];
    let Some(line) = PingLine::new(&mut buffer, name) else { return true };
    let length = fill(line, settings, place, context);
    let any: SocketAddr = if settings.address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let Ok(socket) = UdpSocket::bind(any) else { return false };
    // Nobody listening is no error, and neither is anything else.
    if let (Ok(()), Some(datagram)) = (socket.set_nonblocking(true), buffer.get(..length)) {
        let _ = socket.send_to(datagram, settings.address);
    }
    true
}

fn fill(
    mut line: PingLine<'_>,
    settings: &Settings,
    place: &Place,
    context: &[(&str, &dyn Display)],
) -> usize {
    line.put(b"file", place.file.as_bytes());
    put(&mut line, "line", &place.line);
    put(&mut line, "pid", &std::process::id());
    // The compiler names an item in the function: without it the name is the function's.
    let function = place.function.strip_suffix("::here").unwrap_or(place.function);
    line.put(b"function", function.as_bytes());
    let (caller, own) = (place.caller, (place.file, place.line));
    if (caller.file(), caller.line()) != own {
        put(&mut line, "caller", &format_args!("{}:{}", caller.file(), caller.line()));
    }
    for (key, value) in [(&b"service"[..], &settings.service), (b"host", &settings.host)] {
        if !value.is_empty() {
            line.put(key, value);
        }
    }
    for (key, value) in context {
        put(&mut line, key, value);
    }
    line.finish()
}

fn put(line: &mut PingLine<'_>, key: &str, value: &dyn Display) {
    let mut text = Text { bytes: [0; MAX_VALUE], used: 0 };
    // An error means that it is cut, or that a value's own Display failed: what came before is told.
    let _ = write!(text, "{value}");
    line.put(key.as_bytes(), text.bytes.get(..text.used).unwrap_or_default());
}

/// The beginning of whatever is written.
struct Text {
    bytes: [u8; MAX_VALUE],
    used: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.used..).unwrap_or_default();
        let taken = room.len().min(text.len());
        for (slot, byte) in room.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        self.used += taken;
        if taken == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
