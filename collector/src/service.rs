//! Living under a service manager: sockets that it hands over, and what it wants to be told.
//!
//! Started by hand nothing of this is there, and nothing happens.

use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::Collector;
use crate::progress::Shared;

/// Datagram sockets that were handed over (`LISTEN_FDS`); their holder keeps them when this process ends.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Those with an address.
    pub udp: Vec<UdpSocket>,
    /// Those in the file system.
    pub unix: Vec<UnixDatagram>,
}

impl Inherited {
    /// Takes them out of the environment.
    ///
    /// # Errors
    /// When one of them is no such socket.
    pub fn take() -> io::Result<Self> {
        let mut handed_over = ListenFd::from_env();
        let mut sockets = Self::default();
        for index in 0..handed_over.len() {
            match handed_over.take_udp_socket(index) {
                Ok(socket) => sockets.udp.extend(socket),
                Err(_) => sockets.unix.extend(handed_over.take_unix_datagram(index)?),
            }
        }
        Ok(sockets)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.udp.is_empty() && self.unix.is_empty()
    }
}

/// Says that what comes is received from now on.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Says that the settings are read again; [`ready`] says that this is done.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("cannot tell the service manager: {error}"),
    }
}

/// Says that the last sums are being written.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
    }
}

/// Tells the service manager that the receiving thread lives, as often as it asks for; ends when dropped.
#[derive(Debug)]
pub struct Watchdog {
    _ends_when_dropped: Option<Sender<()>>,
}

impl Watchdog {
    /// Begins to watch, where the service manager wants it.
    #[must_use]
    pub fn start(collector: &Collector) -> Self {
        let Some(limit) = sd_notify::watchdog_enabled() else { return Self { _ends_when_dropped: None } };
        let (sender, end) = channel();
        let shared = Arc::clone(collector.shared());
        thread::spawn(move || watch(&shared, limit / 2, &end));
        Self { _ends_when_dropped: Some(sender) }
    }
}

/// A receiving thread that stands still is not told of: the service manager then starts another collector.
fn watch(shared: &Shared, every: Duration, end: &Receiver<()>) {
    let mut beats = 0;
    while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(every) {
        let now = shared.beats();
        if now != beats {
            beats = now;
            tell(&[NotifyState::Watchdog]);
        }
    }
}
