//! What is lost when four busy senders offer more than a host's daemons ever will.
//!
//! Everything that was sent must be in the database or be counted as dropped, to the datagram; a run that
//! does not add up is no measurement, and neither is one while others used the machine.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::collector::{Collector, Counted, Left};
use crate::error::Error;
use crate::listener;
use crate::measure::Spread;
use crate::others::{Others, disturbed};
use crate::sample::{self, load};
use crate::table::{Bar, Line};

/// Processes that send, each with a tree of its own.
const SENDERS: u32 = 4;

/// Datagrams in a second from all of them, in the paced run.
const PACE: u32 = 200_000;

/// Files that they are about.
const FILES: u32 = 300;

/// Niceness of the collector under the unlimited flood: that of the unit in `packaging/systemd`.
const NICENESS: i32 = -10;

/// How fast it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speed {
    Paced,
    Unlimited,
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Line>, Error> {
    let paced = lost(bench, Speed::Paced, None)?;
    let flood = lost(bench, Speed::Unlimited, Some(NICENESS))?;
    let line = |what: &str, (lost, rate): (Vec<f64>, f64)| Line {
        row: "overload",
        what: format!("{what}, {SENDERS} senders, {rate:.0}/s"),
        unit: "lost",
        least: lost.iter().copied().min_by(f64::total_cmp),
        figure: Spread::of(lost),
        ratio: None,
        bar: Some(Bar::MedianAtMost(0.0)),
    };
    Ok(vec![
        line("datagrams of 430 bytes, paced, default priority", paced),
        line(&format!("the same unlimited, collector at nice {NICENESS}"), flood),
    ])
}

/// Datagrams lost in each run, and how many were sent in a second on average. Each run is told as it ends.
fn lost(bench: &Bench, speed: Speed, niceness: Option<i32>) -> Result<(Vec<f64>, f64), Error> {
    let (runs, time) = bench.effort.floods();
    let mut lost = Vec::new();
    let (mut all, mut seconds) = (0.0, 0.0);
    let mut refused = None;
    for run in 1..=runs {
        let address = listener::nobody()?;
        let collector = Collector::start_at(&bench.collector()?, address, bench.scratch(), niceness)?;
        if niceness.is_some_and(|wanted| collector.niceness().is_ok_and(|is| is != wanted)) {
            return Err(Error::Unavailable("a negative niceness needs root".into()));
        }
        let others = Others::watch()?;
        let begin = Instant::now();
        let sent = send(address, speed, time)?;
        let took = begin.elapsed().as_secs_f64();
        if !collector.drained()? {
            return Err(Error::Unavailable("the collector does not drain its queue".into()));
        }
        let left = collector.finish()?;
        let others = others.processors(left.seconds)?;
        let told =
            balance(sent, &left).map_err(|said| Error::Driver { program: "alive-collector".into(), said })?;
        let paced = if speed == Speed::Paced { "paced" } else { "unlimited" };
        eprintln!(
            "alive-bench: overload: {paced}, run {run} of {runs}: {told}, in {took:.1} s; others used {others:.2} processors"
        );
        // A few moments only show that everything works.
        if bench.effort.is_full() {
            refused = refused.or_else(|| disturbed(others)).or_else(|| too_slow(speed, sent, took));
        }
        lost.push(f64::from(u32::try_from(left.counted.kernel_drops).unwrap_or(u32::MAX)));
        all += f64::from(u32::try_from(sent).unwrap_or(u32::MAX));
        seconds += took;
    }
    refused.map_or(Ok((lost, all / seconds)), Err)
}

/// Why a paced run is no measurement, where the senders did not keep the pace.
fn too_slow(speed: Speed, sent: u64, seconds: f64) -> Option<Error> {
    let rate = f64::from(u32::try_from(sent).unwrap_or(u32::MAX)) / seconds;
    (speed == Speed::Paced && rate < f64::from(PACE) * 0.98).then(|| {
        Error::Unavailable(format!(
            "the senders reached {rate:.0} a second of {PACE}, so this is no measurement: it needs two processors"
        ))
    })
}

/// Where everything that was sent is, in words.
///
/// # Errors
/// What does not add up, to the datagram.
fn balance(sent: u64, left: &Left) -> Result<String, String> {
    let Left { counted: Counted { datagrams, kernel_drops }, stored, .. } = left;
    let loads = stored.programs.iter().flat_map(|program| &program.loads);
    let events = loads.map(|load| load.events).sum::<u64>();
    let gaps = stored.programs.iter().map(|program| program.sequence_gaps).sum::<u64>();
    let told = format!(
        "{sent} sent = {events} stored + {kernel_drops} dropped by the kernel ({gaps} missed by number)"
    );
    // A tree's last numbers are missed by nobody, so fewer may be missed than were dropped.
    let adds_up = events + kernel_drops == sent
        && (*datagrams, stored.loss.kernel_drops) == (events, *kernel_drops)
        && gaps <= *kernel_drops;
    if adds_up { Ok(told) } else { Err(format!("{told}; {datagrams} received, {:?}", stored.loss)) }
}

/// Sends from all senders at once; how many datagrams.
fn send(to: SocketAddr, speed: Speed, time: Duration) -> Result<u64, Error> {
    thread::scope(|scope| {
        let senders: Vec<_> =
            (0..SENDERS).map(|number| scope.spawn(move || send_one(to, number, speed, time))).collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum()
    })
}

/// One sender, which never sleeps.
fn send_one(to: SocketAddr, number: u32, speed: Speed, time: Duration) -> Result<u64, Error> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a UDP port"))?;
    let mut datagrams: Vec<_> = (0..FILES).map(|file| load(u64::from(file), file)).collect();
    for datagram in &mut datagrams {
        sample::give_to_tree(datagram, 10_000 + number);
    }
    let between = Duration::from_secs(1) * SENDERS / PACE;
    let begin = Instant::now();
    let mut sent = 0u64;
    for datagram in (0..datagrams.len()).cycle() {
        let due = between * u32::try_from(sent).unwrap_or(u32::MAX);
        while speed == Speed::Paced && begin.elapsed() < due {
            std::hint::spin_loop();
        }
        if begin.elapsed() >= time {
            break;
        }
        sent += 1;
        let bytes = &mut datagrams[datagram];
        sample::number(bytes, sent);
        socket.send_to(bytes, to).map_err(Error::io("sending to the collector"))?;
    }
    Ok(sent)
}
