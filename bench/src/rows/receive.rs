//! What the collector's receiving thread does to a datagram beyond taking it off the queue:
//! decoding, adding up, keeping sequences, and handing sums to the writer.
//!
//! Both sides find the same datagrams waiting, and their time on a processor is what the kernel
//! counts for the thread. The collector is the real program: it is stopped while its queue fills.
//!
//! Both drain on the same processor, and what they drain was sent from another one, as it is under a load that
//! matters: memory that one processor has asked for costs another one more to give back.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt};
use nix::time::{ClockId, clock_gettime};

use super::open_loop::line;
use crate::bench::Bench;
use crate::collector::Collector;
use crate::error::Error;
use crate::listener;
use crate::measure::Turns;
use crate::processors;
use crate::sample::load;
use crate::table::{Bar, Line};

/// Datagrams in a turn: 25 MB of the kernel's memory.
const COUNT: u32 = 20_000;

/// Files that they are about, and so sums that the collector makes.
const FILES: u32 = 300;

/// Datagrams asked for in one call, as the collector does.
const BATCH: usize = 64;

/// Bytes of receive buffer, as the collector asks for.
const BUFFER: usize = 64 << 20;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let address = listener::nobody()?;
    let program = bench.collector()?;
    let collector = processors::on_one(|| Collector::start(&program, address, bench.scratch()))??;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a UDP port"))?;
    let bare = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a UDP port"))?;
    if setsockopt(&bare, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(&bare, sockopt::RcvBuf, &BUFFER).map_err(Error::os("growing the receive buffer"))?;
    }
    let bare_address = bare.local_addr().map_err(Error::io("asking for the port"))?;

    // Each queue has a tree of its own: a number that goes to the other one would be missing.
    let mut sequences = [0; 2];
    let mut fill = |variant: usize, to| {
        for number in 0..COUNT {
            let sequence = &mut sequences[variant];
            *sequence += 1;
            let sent = sender.send_to(&load(*sequence, number % FILES), to);
            sent.map_err(Error::io("sending to a queue"))?;
        }
        Ok::<_, Error>(())
    };
    let mut turns = Turns::new();
    // Over long enough that a while during which the machine is slow is a small part.
    turns.take(2, 2 * bench.effort.turns, |variant| {
        let nanos = if variant == 0 {
            processors::beside_it(|| fill(variant, bare_address))??;
            processors::on_one(|| drain(&bare))??
        } else {
            collector.halt()?;
            let filled = processors::beside_it(|| fill(variant, address))?;
            let before = collector.receiver_nanos()?;
            collector.go_on()?;
            filled?;
            if !processors::beside_it(|| collector.drained())?? {
                return Err(Error::Unavailable("the collector does not drain its queue".into()));
            }
            collector.receiver_nanos()? - before
        };
        Ok(nanos / f64::from(COUNT))
    })?;
    if collector.queue()?.is_none_or(|queue| queue.drops > 0) {
        return Err(short_of_memory());
    }
    let full =
        line("receive", "the collector's receiving thread", &turns, 1, 0, Some(Bar::RatioAtLeast(0.7)));
    Ok(vec![
        line("receive", "bare recvmmsg(64), a datagram of 430 bytes", &turns, 0, 0, None),
        // A throughput: how much of the bare speed is left.
        Line { ratio: turns.ratio(0, 1), ..full },
    ])
}

fn short_of_memory() -> Error {
    Error::Unavailable(format!(
        "{COUNT} datagrams do not fit the receive buffer: run as root, or `sysctl net.core.rmem_max={BUFFER}`"
    ))
}

/// Nanoseconds that this thread has spent on a processor. Its own schedstat lags by up to a tick.
fn own_nanos() -> Result<f64, Error> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_err(Error::os("reading a clock"))?;
    Ok(Duration::from(time).as_secs_f64() * 1e9)
}

/// Takes everything off the queue and throws it away; nanoseconds of this thread on a processor.
fn drain(socket: &UdpSocket) -> Result<f64, Error> {
    let mut slots = vec![[0; alive_wire::MAX_ACCEPTED]; BATCH];
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    let mut received = 0;
    let before = own_nanos()?;
    loop {
        let mut vectors: Vec<_> = slots.iter_mut().map(|slot| [IoSliceMut::new(slot)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        match recvmmsg(socket.as_raw_fd(), &mut headers, vectors.iter_mut(), flags, None) {
            Ok(messages) => received += messages.count(),
            Err(Errno::EAGAIN) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::os("receiving")(error)),
        }
    }
    let nanos = own_nanos()? - before;
    if u32::try_from(received) == Ok(COUNT) { Ok(nanos) } else { Err(short_of_memory()) }
}
