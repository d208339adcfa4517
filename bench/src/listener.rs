//! A port where somebody listens, and one where nobody does.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::error::Error;

/// Bytes of receive buffer asked for; the kernel grants what it allows.
const BUFFER: usize = 64 << 20;

/// Takes datagrams and throws them away, in a thread, until dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    received: AtomicU64,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start() -> Result<Self, Error> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a UDP port"))?;
        if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &BUFFER).map_err(Error::os("growing the receive buffer"))?;
        }
        let address = socket.local_addr().map_err(Error::io("asking for the port"))?;
        socket.set_read_timeout(Some(Duration::from_millis(50))).map_err(Error::io("setting a timeout"))?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut bytes = [0; alive_wire::MAX_ACCEPTED];
                while !shared.stop.load(Ordering::Relaxed) {
                    if socket.recv(&mut bytes).is_ok() {
                        shared.received.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams so far.
    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The address of a port that was free a moment ago.
pub(crate) fn nobody() -> Result<SocketAddr, Error> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a UDP port"))?;
    socket.local_addr().map_err(Error::io("asking for the port"))
}
