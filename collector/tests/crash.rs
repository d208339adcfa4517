//! A collector that is killed at any moment, under load, again and again over one database.
//!
//! Three kills in an ordinary run; `ALIVE_CRASH_ROUNDS=50` goes on for longer, prints a line for each, and
//! holds what was lost against the time between two writes, which a machine with other work may miss.

mod daemon_process;
mod scene;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alive_collector::options::FLUSH_EVERY;
use alive_report::{Report, Selection, Thresholds};
use daemon_process::{Daemon, command};
use nix::sys::signal::Signal;
use scene::{Folder, Tree, sender};

/// Between two datagrams.
const PAUSE: Duration = Duration::from_micros(500);

/// What a write may take beyond the time between two of them.
const WRITING: Duration = Duration::from_millis(700);

fn rounds() -> Option<u32> {
    std::env::var("ALIVE_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok())
}

/// A collector that lives for `life` while the tree goes on, which begins under the first of them; when each event was sent, and when it died.
fn live_and_be_killed(db: &Path, tree: &mut Option<Tree>, life: Duration) -> (Vec<Instant>, Instant) {
    let mut daemon = Daemon::start(&mut command(db));
    let socket = sender(daemon.address);
    let tree = tree.get_or_insert_with(|| Tree::new(100));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let mut sent = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let path = format!("/{}.pm", sent.len() % 200);
                // Nobody listens any more for the last ones.
                let _ = socket.send(&tree.load(1, path.as_bytes()));
                sent.push(Instant::now());
                thread::sleep(PAUSE);
            }
            sent
        });
        thread::sleep(life);
        let killed = Instant::now();
        daemon.signal(Signal::SIGKILL);
        over.store(true, Ordering::Relaxed);
        (sent.join().unwrap(), killed)
    })
}

fn integrity(db: &Path) -> String {
    let database = rusqlite::Connection::open(db).unwrap();
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_kill_at_any_moment_costs_what_was_not_written_yet_and_no_more() {
    let folder = Folder::new();
    let mut tree = None;
    let asked = rounds();
    let rounds = asked.unwrap_or(3);
    let mut stored_before = 0;
    for round in 1..=rounds {
        // Evenly spread over the phases of two flush intervals, in an order of its own.
        let life = Duration::from_millis(u64::from(round * 7_919 % 2_400));
        let (sent, killed) = live_and_be_killed(&folder.db(), &mut tree, life);
        assert_eq!(integrity(&folder.db()), "ok", "round {round}");
        let snapshot = folder.snapshot();
        assert_eq!(snapshot.unclean_ends, u64::from(round));
        let stored = usize::try_from(snapshot.events - stored_before).unwrap();
        stored_before = snapshot.events;
        // The oldest one that is lost says how long before the kill the last write was.
        let lost = sent.get(stored).map(|sent| killed.saturating_duration_since(*sent));
        if asked.is_some() {
            println!(
                "round {round}: lived {life:?}, {stored} of {} stored, the oldest lost {lost:?} old",
                sent.len()
            );
            assert!(lost.is_none_or(|lost| lost <= FLUSH_EVERY + WRITING), "round {round}: {lost:?}");
        }
    }

    let mut tree = tree.unwrap();
    // The next one sees from the first event how much was lost in all.
    let mut daemon = Daemon::start(&mut command(&folder.db()));
    sender(daemon.address).send(&tree.load(1, b"/0.pm")).unwrap();
    assert_eq!(daemon.signal(Signal::SIGTERM).code(), Some(0));
    let snapshot = folder.snapshot();
    assert_eq!(snapshot.events + snapshot.loss.sequence_gaps, tree.sequence);
    let selection = Selection { program: None, since_micros: None, thresholds: Thresholds::default() };
    let said = alive_report::render::loss::sentences(&Report::new(snapshot, &selection));
    let unclean = said.iter().find(|sentence| sentence.contains("ended without a last flush"));
    assert!(unclean.is_some_and(|sentence| sentence.contains(&rounds.to_string())), "{said:?}");
}
