//! A sender that wants the collector's memory: the real program stays below a bound, counts what it refuses,
//! and an honest sender beside the flood is still heard.
//!
//! Two seconds in an ordinary run; `ALIVE_ATTACK_SECONDS=600` goes on for longer. A new attack is an arm of
//! [`Attack::datagram`].

mod daemon_process;
mod scene;

use std::fs;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alive_wire::header::flags;
use alive_wire::record::{Code, Frame, Lineage, Module, types};
use alive_wire::{Header, Kind, LanguageStack, MAX_FRAMES, MAX_LINEAGE, Outcome};
use daemon_process::{Daemon, command};
use nix::sys::signal::Signal;
use scene::{Folder, PERL, Tree, event, sender};

/// Most memory that the collector may ever have had, in KiB.
const MOST_RESIDENT_KIB: u64 = 256 << 10;

/// What is sent to fill the memory. Each goes for another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// Bytes that begin like an event.
    Noise,
    /// Bytes that are nothing.
    Rubbish,
    /// Ever new files with short names: as many keys as there is room for.
    Keys,
    /// Ever new files, with long names.
    Files,
    /// Ever new names that are not found.
    Names,
    /// Ever new pings as text.
    Taps,
    /// Ever new process trees, with long labels.
    Roots,
    /// Ever new processes of one tree, with holes in sequences of their own.
    Processes,
    /// Ever new roles: long lineages through modules with long names.
    Lineages,
    /// Stacks that are small on the wire: many frames in one module with a long name.
    Stacks,
}

impl Attack {
    const ALL: [Self; 10] = [
        Self::Noise,
        Self::Rubbish,
        Self::Keys,
        Self::Files,
        Self::Names,
        Self::Taps,
        Self::Roots,
        Self::Processes,
        Self::Lineages,
        Self::Stacks,
    ];

    /// The datagram number `number` of the attack.
    fn datagram(self, number: u32) -> Vec<u8> {
        let long = |length: usize| format!("/{number}/{}", "x".repeat(length)).into_bytes();
        let header = |kind: Kind| Header { sequence: u64::from(number) * 2, ..forged(kind) };
        let load = |header: Header, path: &[u8]| {
            event(header, |encoder| {
                encoder.string(types::PATH, path);
                encoder.code(PERL);
            })
        };
        match self {
            Self::Noise => {
                [&b"ALV1\x01\x02"[..], &number.wrapping_mul(0x9e37_79b9).to_le_bytes().repeat(30)].concat()
            }
            Self::Rubbish => number.wrapping_mul(0x9e37_79b9).to_be_bytes().repeat(100),
            Self::Keys => load(header(Kind::Load), format!("/{number}.pm").as_bytes()),
            Self::Files => load(header(Kind::Load), &long(1_000)),
            Self::Names => event(header(Kind::Missing), |encoder| {
                encoder.string(types::NAME, &long(1_000));
                encoder.code(Code { outcome: Some(Outcome::Failed), ..PERL });
            }),
            Self::Taps => [b"alive1\tping\tname=", &long(1_000)[..], b"\n"].concat(),
            Self::Roots => {
                let root = Header { root_start_micros: number.into(), ..header(Kind::Start) };
                event(root, |encoder| {
                    encoder.string(types::PROGRAM, &long(600));
                    encoder.string(types::EXECUTABLE, &long(600));
                })
            }
            Self::Processes => {
                let (pid, sequence) = (number % 70_000, u64::from(number / 70_000) * 2 + 1);
                load(Header { flags: flags::NO_TREE, pid, sequence, ..forged(Kind::Load) }, b"/a.pm")
            }
            Self::Lineages => event(Header { depth: 16, ..header(Kind::Load) }, |encoder| {
                for link in 0..u16::try_from(MAX_LINEAGE).unwrap_or(0) {
                    encoder.lineage(&Lineage {
                        role: link * 8,
                        forks: 1,
                        ordinal: 1,
                        forker_pid: 1,
                        module: 0,
                        offset: u64::from(number) + u64::from(link),
                        fork_nanos: 0,
                        resident_kib: 0,
                        line: LanguageStack::NONE,
                    });
                }
                encoder.module(&Module { build_id: b"", path: &long(500) });
                encoder.string(types::PATH, b"/a.pm");
            }),
            Self::Stacks => event(header(Kind::Load), |encoder| {
                encoder.string(types::PATH, format!("/{number}.pm").as_bytes());
                encoder.module(&Module { build_id: b"", path: &long(800) });
                encoder.frames(
                    (0..MAX_FRAMES as u64).map(|at| Frame { module: 0, offset: at + u64::from(number) }),
                );
            }),
        }
    }
}

/// The header of a process that does not exist.
fn forged(kind: Kind) -> Header {
    let mut tree = Tree { root_pid: 4_000_000, start_micros: 7, sequence: 0 };
    Header { depth: 0, ..tree.header(kind, 1) }
}

fn seconds() -> Duration {
    let asked = std::env::var("ALIVE_ATTACK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(asked.unwrap_or(2))
}

/// Sends one attack for a while; how many datagrams.
fn attack(socket: &UdpSocket, attack: Attack, time: Duration) -> u64 {
    let begin = Instant::now();
    let mut numbers = 0..;
    let mut sent = 0;
    while begin.elapsed() < time {
        let datagram = attack.datagram(numbers.next().unwrap());
        sent += u64::from(socket.send(&datagram).is_ok());
    }
    sent
}

/// The most memory that a process ever had, in KiB.
fn most_resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn an_attack_on_the_memory_is_bounded_and_the_honest_are_heard() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    let address = daemon.address;
    let pid = daemon.id();
    let over = AtomicBool::new(false);
    let (attacked, honest) = thread::scope(|scope| {
        let honest = scope.spawn(|| {
            let socket = sender(address);
            let mut tree = Tree::new(100);
            socket.send(&tree.start(b"honest")).unwrap();
            while !over.load(Ordering::Relaxed) {
                socket.send(&tree.load(1, b"/honest.pm")).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
            tree
        });
        let (socket, each) = (sender(address), seconds() / u32::try_from(Attack::ALL.len()).unwrap());
        let attacked = Attack::ALL.map(|kind| {
            let sent = attack(&socket, kind, each);
            daemon.drain();
            println!(
                "{kind:?}: {sent} datagrams, {} KiB at most until they were read",
                most_resident_kib(pid)
            );
            sent
        });
        over.store(true, Ordering::Relaxed);
        (attacked.iter().sum::<u64>(), honest.join().unwrap())
    });
    // The honest tree's last word comes when the queue has room again, so that all its gaps are known.
    daemon.drain();
    let mut honest = honest;
    sender(address).send(&honest.load(1, b"/honest.pm")).unwrap();
    let resident = most_resident_kib(pid);
    let log_lines = daemon.lines_said();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));

    let snapshot = folder.snapshot();
    let loss = snapshot.loss;
    println!("{attacked} datagrams, {resident} KiB at most, {log_lines} lines of log, {loss:?}");
    assert!(resident <= MOST_RESIDENT_KIB, "{resident} KiB");
    assert!(log_lines < 20, "{log_lines} lines of log");
    assert_eq!(snapshot.datagrams + loss.kernel_drops, attacked + honest.sequence);
    assert!(loss.malformed > 0);
    let program = snapshot.programs.iter().find(|program| program.label == b"honest");
    let Some(program) = program else {
        // Its start was among what was dropped, and the label with it.
        assert!(loss.kernel_drops > 0);
        return;
    };
    let loads: u64 = program.loads.iter().map(|load| load.events).sum();
    let start = 1;
    let told = loads + start + program.sequence_gaps;
    assert!(loads > 0, "the honest were not heard");
    assert!(
        told <= honest.sequence && told + loss.over_cap >= honest.sequence,
        "{told} of {}",
        honest.sequence
    );
}
