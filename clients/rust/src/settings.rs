//! What the environment asked for, read once.

use std::env;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::OnceLock;

use alive_wire::DEFAULT_PORT;

/// Where to send to, and what stands in every datagram.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: SocketAddr,
    pub(crate) service: Vec<u8>,
    pub(crate) host: Vec<u8>,
}

static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();

/// The settings; `None` where nothing is to be sent.
///
/// Read first and stored then: a child that another thread forks meanwhile does not find a lock taken.
pub(crate) fn get() -> Option<&'static Settings> {
    if SETTINGS.get().is_none() {
        let _ = SETTINGS.set(read());
    }
    SETTINGS.get()?.as_ref()
}

fn read() -> Option<Settings> {
    if env::var_os("ALIVE_OFF").is_some_and(|value| !value.is_empty() && value != "0") {
        return None;
    }
    // An address that cannot be read turns it off: a guess would send hits to somebody else.
    let address = match env::var_os("ALIVE_ADDR").filter(|text| !text.is_empty()) {
        Some(text) => text.to_str()?.parse().ok()?,
        None => (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
    };
    let service = env::var_os("ALIVE_NAME").filter(|name| !name.is_empty()).or_else(program);
    let host = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(Settings {
        address,
        service: service.unwrap_or_default().into_vec(),
        host: host.trim_ascii().to_vec(),
    })
}

fn program() -> Option<OsString> {
    let first = env::args_os().next()?;
    Some(Path::new(&first).file_name()?.to_owned())
}
