//! What a program wrote down itself: who asked for each of its files, by its interpreter's own account.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use alive_tests::events::{Event, Events};

/// Frames of a stack at most, and places from which on one may have been cut for want of room.
const MOST: usize = 32;
const LONG: usize = 6;

/// Stands at the end of an account that leaves the rest open.
const OPEN: &str = "...";

/// A frame: its file, a colon and its line.
type Place = String;

/// For each file, the places that asked for it, each time it was loaded.
#[derive(Debug)]
pub(crate) struct Account(BTreeMap<PathBuf, Vec<Vec<Place>>>);

/// How the events compare with it.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// Loads of files that are in the account.
    pub(crate) loads: usize,
    agree: usize,
    /// Files that were loaded, by events.
    pub(crate) files: usize,
    differences: Vec<String>,
}

impl Account {
    /// Reads lines of hexadecimal words: a file, then its places, innermost first.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the program's own account");
        let mut files = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let mut words = line.split(' ').map(unhexed);
            let file = PathBuf::from(words.next().expect("a file"));
            files.entry(file).or_default().push(words.collect());
        }
        Self(files)
    }

    /// How many files are in it.
    pub(crate) fn files(&self) -> usize {
        self.0.len()
    }

    /// Compares every load of a file that is in it. `is_reader` knows places that had the file read
    /// and were gone when it ran.
    pub(crate) fn compare(&self, events: &Events, is_reader: impl Fn(&str) -> bool) -> Agreement {
        let mut out = Agreement::default();
        for (file, told) in &self.0 {
            let loads: Vec<&Event> = events.loads_of(file);
            out.files += usize::from(!loads.is_empty());
            for load in loads {
                let mut places = places(load);
                if places.is_empty() && load.text("no_lines") == "no-lock" {
                    // Read once more, as if it were data.
                    continue;
                }
                let readers = places.iter().take_while(|place| is_reader(place)).count();
                places.drain(..readers);
                out.loads += 1;
                let cut = places.len() >= LONG || frames(load).len() >= MOST;
                if told.iter().any(|told| agrees(&places, cut, told)) {
                    out.agree += 1;
                } else {
                    out.differences.push(format!(
                        "{}: {places:?} {} and not one of {told:?}",
                        file.display(),
                        load.text("no_lines")
                    ));
                }
            }
        }
        out
    }
}

impl Agreement {
    /// Asserts that at least so many loads were compared, and all agree; prints the figures.
    #[track_caller]
    pub(crate) fn assert_all(&self, what: &str, least: usize) {
        println!("{what}: {self}");
        assert!(self.loads >= least, "{what}: {self}, and {least} loads were expected");
        assert!(self.differences.is_empty(), "{what}: {self}\n{}", self.differences.join("\n"));
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} loads have the lines of the interpreter's own account", self.agree, self.loads)
    }
}

fn frames(event: &Event) -> &[serde_json::Value] {
    event.member("frames").as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The frames of an event; of neighbours at one place, one.
pub(crate) fn places(event: &Event) -> Vec<Place> {
    let mut places: Vec<Place> = frames(event)
        .iter()
        .map(|frame| {
            let line = frame["line"].as_u64().map_or_else(String::new, |line| line.to_string());
            format!("{}:{line}", frame["file"].as_str().unwrap_or_default())
        })
        .collect();
    places.dedup();
    places
}

/// Whether all places agree. A line that is not known agrees with any, and a stack may be cut.
fn agrees(places: &[Place], cut: bool, told: &[Place]) -> bool {
    let (told, open) = match told {
        [told @ .., last] if last == OPEN => (told, true),
        told => (told, false),
    };
    let one = |(place, told): (&Place, &Place)| {
        place == told || place.ends_with(':') && told.starts_with(place.as_str())
    };
    let complete = match places.len() {
        count if count < told.len() => cut,
        count => open || count == told.len(),
    };
    !places.is_empty() && complete && places.iter().zip(told).all(one)
}

/// Asserts that of the files that processes loaded, at least 99 of 100 have a line; prints the share.
/// A file that is opened twice needs one once.
#[track_caller]
pub(crate) fn assert_share(what: &str, events: &Events, is_code: impl Fn(&Event) -> bool) {
    let mut files = BTreeMap::<_, bool>::new();
    for load in events.of("load").filter(|event| is_code(event)) {
        *files.entry((load.pid(), load.path())).or_default() |= !places(load).is_empty();
    }
    let without: Vec<_> = files.iter().filter(|(_, has)| !**has).map(|(file, _)| file).collect();
    let (all, with) = (files.len(), files.len() - without.len());
    println!("{what}: {with}/{all} files of processes have a line");
    assert!(all > 0, "{what}: nothing was loaded: {}", events.told());
    assert!(with * 100 >= all * 99, "{what}: {with} of {all} have a line; these have none: {without:#?}");
}

fn unhexed(word: &str) -> String {
    let bytes = word.as_bytes().chunks(2).map(|pair| {
        let digits = str::from_utf8(pair).expect("hexadecimal digits");
        u8::from_str_radix(digits, 16).expect("hexadecimal digits")
    });
    String::from_utf8(bytes.collect()).expect("names of the test's own")
}
