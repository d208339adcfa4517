//! What `programs/python/account.py` wrote down, held against the events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alive_tests::events::{Event, Events, canonical};

/// A stack of so many frames may be a longer one that was cut.
const LONG: usize = 6;

/// For each file that a process opened, the frames of each time, innermost first.
pub(super) struct Account(BTreeMap<(u32, PathBuf), Vec<Vec<String>>>);

impl Account {
    /// Reads the whole file, but for what was not there when it was to be opened.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the program's own account");
        let mut opened = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let mut words = line.split('\t');
            let pid = words.next().and_then(|pid| pid.parse().ok()).expect("a pid");
            let file = Path::new(words.next().expect("a file"));
            if file.exists() {
                let frames = words.map(str::to_owned).collect();
                opened.entry((pid, canonical(file))).or_default().push(frames);
            }
        }
        Self(opened)
    }

    /// Asserts that every load that is in it has the frames that it has there, and that at least so
    /// many are; prints how many.
    #[track_caller]
    pub(super) fn assert_agrees(&self, what: &str, events: &Events, least: usize) {
        let mut loads = BTreeMap::<_, Vec<&Event>>::new();
        for load in events.of("load") {
            loads.entry((load.pid(), canonical(load.path()))).or_default().push(load);
        }
        let (mut agree, mut whole, mut wrong) = (0, 0, Vec::new());
        // What was opened before the fork has no events.
        let forked: BTreeSet<u32> = loads.keys().map(|(pid, _)| *pid).collect();
        for (opened, told) in self.0.iter().filter(|((pid, _), _)| forked.contains(pid)) {
            let loads = loads.get(opened).map_or(&[][..], Vec::as_slice);
            if loads.len() != told.len() {
                wrong.push(format!("{opened:?}: {} loads, {} in the account", loads.len(), told.len()));
            }
            // Two threads that open one file at the same time may be told in another order.
            let mut left = told.clone();
            for load in loads {
                let frames = frames(load);
                let is_it = |told: &Vec<String>| {
                    frames == *told
                        || told.is_empty() && is_machinery(&frames)
                        || frames.len() >= LONG && told.starts_with(&frames)
                };
                let Some(found) = left.iter().position(is_it) else {
                    wrong.push(format!("{opened:?}: {frames:?} {}, not {told:?}", load.text("no_lines")));
                    continue;
                };
                agree += 1;
                whole += usize::from(left.swap_remove(found).len() <= frames.len());
            }
        }
        let all = agree + wrong.len();
        println!(
            "{what}: {agree}/{all} loads have the lines of the interpreter's own account, {whole} of them to the end"
        );
        assert!(wrong.is_empty(), "{what}: {wrong:#?}");
        assert!(all >= least, "{what}: {all} loads, {least} were expected: {}", events.told());
    }
}

/// Whether all of it is the import system, which the account leaves out.
fn is_machinery(frames: &[String]) -> bool {
    !frames.is_empty() && frames.iter().all(|frame| frame.starts_with("<frozen importlib"))
}

/// The frames of an event, each as `file:line in function`.
pub(super) fn frames(event: &Event) -> Vec<String> {
    let frames = event.member("frames").as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    frames
        .iter()
        .map(|frame| format!("{}:{} in {}", text(&frame["file"]), frame["line"], text(&frame["function"])))
        .collect()
}

/// Asserts that at least 99 of 100 loads of Python's modules have a line; prints the share.
#[track_caller]
pub(super) fn assert_share(what: &str, events: &Events) {
    let of_python = |event: &&Event| {
        let name = event.path().file_name().unwrap_or_default().to_string_lossy();
        event.text("language") == "python" || name.contains(".cpython-")
    };
    let loads: Vec<&Event> = events.of("load").filter(of_python).collect();
    let without: Vec<_> = loads.iter().filter(|load| frames(load).is_empty()).collect();
    let (with, all) = (loads.len() - without.len(), loads.len());
    println!("{what}: {with}/{all} loads have a line");
    assert!(all > 0, "{what}: nothing was loaded: {}", events.told());
    assert!(with * 100 >= all * 99, "{what}: {with} of {all}; these have none: {without:#?}");
}
