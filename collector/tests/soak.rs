//! A year in an hour: trees that begin and end without pause, a real preforking daemon among them, and a collector
//! that folds and drops all the time. Memory and database must be as large at the end as in the middle, and
//! what was sent must be what is stored and what is said to be lost.
//!
//! A few seconds in an ordinary run, which hold the sums alone; `cargo xtask soak --minutes 60` goes on, prints what it
//! measures, and judges.

mod scene;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alive_collector::options::UpkeepOptions;
use alive_collector::{Collector, Options, Retention};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scene::{Folder, Tree, sender};

/// Length of an ordinary run.
const SMOKE: Duration = Duration::from_secs(4);

/// Between two trees of the generated senders.
const PAUSE: Duration = Duration::from_millis(10);

/// Files that every tree loads.
const FILES: u32 = 8;

/// What is last seen so long ago goes.
const MAX_AGE: Duration = Duration::from_mins(1);

/// Most that memory or database may be larger in the last quarter than in the second, in KiB and in per cent.
const MORE: (u64, u64) = (4_096, 10);

fn minutes() -> Option<u64> {
    std::env::var("ALIVE_SOAK_MINUTES").ok().and_then(|minutes| minutes.parse().ok())
}

/// What is measured once in a while.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    resident_kib: u64,
    database_kib: u64,
    trees: u64,
    kernel_drops: u64,
}

/// Sends trees until told to stop: each a start and some loads of files that all have in common, and one load of a
/// program that is never seen again. Counts what it sends of the former.
fn generate(socket: &UdpSocket, over: &AtomicBool, trees: &AtomicU64) -> u64 {
    let mut sent = 0;
    let mut pid = 1_000;
    while !over.load(Ordering::Relaxed) {
        pid += 20;
        let mut tree = Tree::new(pid);
        // What the kernel refuses to take would be a gap in the tree as well.
        let send = |datagram: Vec<u8>| drop(socket.send(&datagram));
        send(tree.start(b"churn"));
        for file in 0..FILES {
            send(tree.load(1 + file % 4, format!("/usr/share/perl5/Churn{file}.pm").as_bytes()));
        }
        sent += tree.sequence;
        let mut gone = Tree::new(pid + 7);
        send(gone.start(format!("once{}", pid % 50_000).as_bytes()));
        send(gone.load(1, format!("/tmp/build{pid}/Once.pm").as_bytes()));
        trees.fetch_add(2, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    sent
}

/// The demo daemon under the shim, started anew every other second.
fn churn_daemons(shim: &Path, address: SocketAddr, over: &AtomicBool) -> u64 {
    let mut started = 0;
    while !over.load(Ordering::Relaxed) {
        let daemon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/bin/lazyd");
        let mut child = Command::new("perl")
            .arg(daemon)
            .env("LD_PRELOAD", shim)
            .env("ALIVE_ADDR", address.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("perl is there");
        visit(&mut child);
        let pid = Pid::from_raw(child.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGTERM).expect("it is not waited for yet");
        child.wait().expect("it ends");
        started += 1;
    }
    started
}

/// Asks each page of a daemon that says where it listens.
fn visit(child: &mut Child) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
    said.read_line(&mut line).expect("it speaks");
    let Some(address) = line.trim().strip_prefix("lazyd: listening on ") else { return };
    for page in ["/health", "/json", "/digest", "/snapshot", "/text", "/optional"] {
        let Ok(mut stream) = std::net::TcpStream::connect(address) else { continue };
        drop(stream.set_read_timeout(Some(Duration::from_secs(5))));
        drop(write!(stream, "GET {page} HTTP/1.0\r\n\r\n"));
        drop(stream.read_to_end(&mut Vec::new()));
    }
    thread::sleep(Duration::from_secs(2));
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn database_kib(db: &Path) -> u64 {
    ["", "-wal"]
        .into_iter()
        .map(|suffix| {
            let mut name = db.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(name).map_or(0, |file| file.len()) / 1_024
        })
        .sum()
}

/// The mean of a figure in one quarter of the samples.
fn quarter(samples: &[Sample], which: usize, figure: fn(&Sample) -> u64) -> u64 {
    let quarter = samples.len() / 4;
    let part = &samples[quarter * which..quarter * (which + 1)];
    part.iter().map(figure).sum::<u64>() / u64::try_from(part.len().max(1)).unwrap_or(1)
}

#[test]
fn memory_and_database_stay_as_they_are_and_every_event_is_accounted_for() {
    let folder = Folder::new();
    let options = Options {
        flush_every: Duration::from_millis(250),
        retention: Retention { max_age: Some(MAX_AGE), max_bytes: None },
        upkeep: UpkeepOptions {
            settled_after: Duration::from_secs(1),
            every: Duration::from_millis(500),
            known_trees: 500,
        },
        ..folder.options()
    };
    let length = minutes().map_or(SMOKE, |minutes| Duration::from_secs(minutes * 60));
    let every = (length / 60).max(Duration::from_millis(500));
    let collector = Collector::start(&options).unwrap();
    let address = collector.addresses()[0];
    let (over, trees) = (AtomicBool::new(false), AtomicU64::new(0));
    let shim = std::env::var_os("ALIVE_SOAK_SHIM");
    let mut samples = Vec::new();
    let (sent, daemons) = thread::scope(|scope| {
        let socket = sender(address);
        let (over, trees) = (&over, &trees);
        let generated = scope.spawn(move || generate(&socket, over, trees));
        let daemons = shim.map(|shim| scope.spawn(move || churn_daemons(shim.as_ref(), address, over)));
        let began = Instant::now();
        while began.elapsed() < length {
            thread::sleep(every);
            samples.push(Sample {
                at: began.elapsed(),
                resident_kib: resident_kib(),
                database_kib: database_kib(&folder.db()),
                trees: trees.load(Ordering::Relaxed),
                kernel_drops: collector.progress().loss.kernel_drops,
            });
        }
        over.store(true, Ordering::Relaxed);
        (generated.join().unwrap(), daemons.map(|daemons| daemons.join().unwrap()))
    });
    let progress = collector.stop().unwrap().progress;
    let snapshot = folder.snapshot();

    let program =
        snapshot.programs.iter().find(|program| program.label == b"churn").expect("it is always seen");
    // Each tree's first event is its start, which is no load.
    let loads: u64 = program.loads.iter().map(|load| load.events).sum();
    let accounted = loads + program.trees + program.sequence_gaps;
    if minutes().is_some() {
        println!(
            "{:>8} {:>9} {:>14} {:>14} {:>13}",
            "seconds", "trees", "resident KiB", "database KiB", "kernel drops"
        );
        for sample in &samples {
            let Sample { at, resident_kib, database_kib, trees, kernel_drops } = sample;
            println!(
                "{:>8} {trees:>9} {resident_kib:>14} {database_kib:>14} {kernel_drops:>13}",
                at.as_secs()
            );
        }
        println!("sent {sent}, stored {}, lost by gaps {}", loads + program.trees, program.sequence_gaps);
        println!(
            "datagrams {}, events {}, starts of the daemon {daemons:?}",
            progress.datagrams, progress.events
        );
    }
    assert!(
        snapshot.loss.kernel_drops > 0 || accounted == sent,
        "{accounted} of {sent} are accounted for, and the kernel dropped none"
    );
    assert!(accounted <= sent && sent - accounted <= snapshot.loss.kernel_drops);
    assert_eq!(snapshot.events, progress.events);
    if minutes().is_some() {
        for (what, figure) in [
            ("resident", (|sample| sample.resident_kib) as fn(&Sample) -> u64),
            ("database", |sample| sample.database_kib),
        ] {
            let (second, last) = (quarter(&samples, 1, figure), quarter(&samples, 3, figure));
            let most = second + second * MORE.1 / 100 + MORE.0;
            println!(
                "{what}: {second} KiB in the second quarter, {last} KiB in the last: at most {most} is flat"
            );
            assert!(last <= most, "{what} is not flat");
        }
        println!("flat");
    }
}
