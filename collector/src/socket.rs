//! A UDP socket with a large receive buffer, read in batches. The buffer is the queue of the collector:
//! what it cannot hold the kernel drops, and counts.

use std::fs;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use alive_wire::MAX_ACCEPTED;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::sys::socket::{MsgFlags, MultiHeaders, getsockopt, recvmmsg, setsockopt};
use nix::{getsockopt_impl, sockopt_impl};

use crate::loss::WrappingCount;
use crate::vitals::Queue;

/// Datagrams asked for in one call. Below 16 the calls cost; above 128 the buffers fall out of the cache.
pub(crate) const BATCH: usize = 64;

sockopt_impl!(
    /// The socket's memory counters (`SO_MEMINFO`), by the kernel's `SK_MEMINFO_*` indices.
    MemInfo,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_MEMINFO,
    [u32; 9]
);

/// `SK_MEMINFO_RMEM_ALLOC` and `SK_MEMINFO_RCVBUF`: bytes that wait, and how many may.
const FILLED: usize = 0;
const SIZE: usize = 1;

/// `SK_MEMINFO_DROPS`: datagrams dropped since the socket was made. Exact, unlike `SO_RXQ_OVFL`, which is
/// stamped on a datagram when it is queued and so knows nothing of what is dropped behind it.
const DROPS: usize = 8;

sockopt_impl!(
    /// A number that no other socket of this boot has (`SO_COOKIE`).
    Cookie,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_COOKIE,
    u64
);

/// Tells this boot of the machine from every other one.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Room for one datagram. A length that is a power of two would bring the beginnings of all slots, which is all that
/// most datagrams fill, to the same few places in the processor's cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Slot {
    bytes: [u8; MAX_ACCEPTED],
    _apart: [u8; APART],
}

/// Bytes between two slots.
const APART: usize = 448;

/// The slots that a batch is received into.
pub(crate) struct Slots {
    slots: Box<[Slot; BATCH]>,
    headers: MultiHeaders<()>,
}

impl Slots {
    pub(crate) fn new() -> Self {
        let slot = const { Slot { bytes: [0; MAX_ACCEPTED], _apart: [0; APART] } };
        Self { slots: Box::new([slot; BATCH]), headers: MultiHeaders::preallocate(BATCH, None) }
    }
}

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received<'s> {
    /// A whole datagram.
    Whole(&'s [u8]),
    /// The beginning of one that was longer than the slot.
    Truncated,
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    drops: WrappingCount,
    /// The queue's name, where it outlives the collector.
    lasting: Option<String>,
}

impl Socket {
    /// Listens on an address.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let drops = WrappingCount::new(getsockopt(&socket, MemInfo)?[DROPS]);
        Ok(Self { socket, drops, lasting: None })
    }

    /// Takes over a socket whose other holder keeps it when the collector ends. What it dropped until now may
    /// be counted already: see [`Socket::begin_at`].
    pub(crate) fn adopt(socket: UdpSocket) -> io::Result<Self> {
        let cookie = getsockopt(&socket, Cookie)?;
        let boot = fs::read_to_string(BOOT_ID)?;
        Ok(Self { socket, drops: WrappingCount::new(0), lasting: Some(format!("{}:{cookie}", boot.trim())) })
    }

    /// The queue's name, where it outlives the collector.
    pub(crate) fn lasting(&self) -> Option<&str> {
        self.lasting.as_deref()
    }

    /// Counts drops beyond those that were counted before.
    pub(crate) fn begin_at(&mut self, drops: u32) {
        self.drops = WrappingCount::new(drops);
    }

    /// The kernel's count of drops, as far as it was looked at.
    pub(crate) const fn drops_seen(&self) -> u32 {
        self.drops.seen()
    }

    /// The address, with the port that the kernel chose where 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Asks for a receive buffer of `bytes`, beyond the system's limit where the process may; returns what
    /// it has got.
    pub(crate) fn grow_buffer(&self, bytes: usize) -> io::Result<usize> {
        // The kernel doubles what it is asked for, to have room for its own bookkeeping.
        let has = || getsockopt(&self.socket, RcvBuf).map(|bytes| bytes / 2);
        // Who handed the socket over may have been allowed more than we are.
        let enough = self.lasting.is_some() && has()? >= bytes;
        if !enough && setsockopt(&self.socket, RcvBufForce, &bytes).is_err() {
            setsockopt(&self.socket, RcvBuf, &bytes)?;
        }
        Ok(has()?)
    }

    /// Receives what is there, at most [`BATCH`] datagrams, and hands each to `each`. Never waits.
    pub(crate) fn receive(&self, slots: &mut Slots, mut each: impl FnMut(Received<'_>)) -> io::Result<usize> {
        let mut vectors = slots.slots.each_mut().map(|slot| [IoSliceMut::new(&mut slot.bytes)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages =
            match recvmmsg(self.socket.as_raw_fd(), &mut slots.headers, vectors.iter_mut(), flags, None) {
                Ok(messages) => messages,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
                Err(error) => return Err(error.into()),
            };
        // Yields as many as were received, not as many as there are slots: the others hold old datagrams.
        let mut count = 0;
        for message in messages {
            count += 1;
            each(if message.flags.contains(MsgFlags::MSG_TRUNC) {
                Received::Truncated
            } else {
                Received::Whole(message.iovs().next().unwrap_or_default())
            });
        }
        Ok(count)
    }

    /// How full the queue is.
    pub(crate) fn queue(&self) -> Queue {
        getsockopt(&self.socket, MemInfo)
            .map(|counters| Queue { filled: counters[FILLED], size: counters[SIZE] })
            .unwrap_or_default()
    }

    /// Datagrams that the kernel dropped since the last call.
    pub(crate) fn drops(&mut self) -> u64 {
        getsockopt(&self.socket, MemInfo).map_or(0, |counters| self.drops.advance(counters[DROPS]))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UdpSocket, Socket) {
        let socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(socket.address().unwrap()).unwrap();
        (sender, socket)
    }

    fn receive(socket: &Socket, slots: &mut Slots) -> Vec<Option<Vec<u8>>> {
        let mut all = Vec::new();
        socket
            .receive(slots, |received| {
                all.push(match received {
                    Received::Whole(bytes) => Some(bytes.to_vec()),
                    Received::Truncated => None,
                });
            })
            .unwrap();
        all
    }

    #[test]
    fn a_short_batch_does_not_read_the_slots_behind_it_again() {
        let (sender, socket) = pair();
        let mut slots = Slots::new();
        for number in 0..10u8 {
            sender.send(&[number; 3]).unwrap();
        }
        assert_eq!(receive(&socket, &mut slots).len(), 10);
        sender.send(b"one more").unwrap();
        assert_eq!(receive(&socket, &mut slots), [Some(b"one more".to_vec())]);
        assert_eq!(receive(&socket, &mut slots), []);
    }

    #[test]
    fn a_datagram_that_fits_exactly_is_whole_and_a_longer_one_is_truncated() {
        let (sender, socket) = pair();
        let mut slots = Slots::new();
        for length in [MAX_ACCEPTED, MAX_ACCEPTED + 1, 9_000, 0, 1] {
            sender.send(&vec![7; length]).unwrap();
        }
        let lengths: Vec<_> =
            receive(&socket, &mut slots).into_iter().map(|bytes| bytes.map(|bytes| bytes.len())).collect();
        assert_eq!(lengths, [Some(MAX_ACCEPTED), None, None, Some(0), Some(1)]);
    }

    #[test]
    fn a_queue_fills_with_what_waits_and_empties_when_it_is_read() {
        let (sender, socket) = pair();
        socket.grow_buffer(100_000).unwrap();
        let empty = socket.queue();
        assert!(empty.filled == 0 && empty.size >= 100_000, "{empty:?}");
        sender.send(&[0; 400]).unwrap();
        assert!(socket.queue().filled >= 400);
        receive(&socket, &mut Slots::new());
        assert_eq!(socket.queue(), empty);
    }

    #[test]
    fn what_the_kernel_drops_is_counted_exactly() {
        let (sender, mut socket) = pair();
        socket.grow_buffer(4_096).unwrap();
        let sent = 500u64;
        for _ in 0..sent {
            sender.send(&[0; 400]).unwrap();
        }
        let (mut slots, mut received) = (Slots::new(), 0u64);
        loop {
            match receive(&socket, &mut slots).len() {
                0 => break,
                count => received += u64::try_from(count).unwrap(),
            }
        }
        let dropped = socket.drops();
        assert!(dropped > 0, "a buffer of 4 KiB cannot hold 500 datagrams");
        assert_eq!(received + dropped, sent);
        assert_eq!(socket.drops(), 0, "counted once");
    }
}
