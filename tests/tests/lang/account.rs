//! What a program wrote down itself: who asked for each of its files, by its interpreter's own account.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use alive_tests::events::{Event, Events};

/// Frames from which on a stack that is shorter than the account counts as cut, not as wrong.
const LONG: usize = 6;

/// A frame as "file:line".
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

    /// Compares every load of a file that is in it.
    pub(crate) fn compare(&self, events: &Events) -> Agreement {
        let mut out = Agreement::default();
        for (file, told) in &self.0 {
            let loads: Vec<&Event> = events.loads_of(file);
            out.files += usize::from(!loads.is_empty());
            for load in loads {
                let places = places(load);
                out.loads += 1;
                if told.iter().any(|told| agrees(&places, told)) {
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

/// The frames of an event; of neighbours at one place, one.
pub(crate) fn places(event: &Event) -> Vec<Place> {
    let frames = event.member("frames").as_array().cloned().unwrap_or_default();
    let mut places: Vec<Place> = frames
        .iter()
        .map(|frame| {
            let line = frame["line"].as_u64().map_or_else(String::new, |line| line.to_string());
            format!("{}:{line}", frame["file"].as_str().unwrap_or_default())
        })
        .collect();
    places.dedup();
    places
}

/// Whether all places agree. A line that is not known agrees with any, and a long stack may be cut.
fn agrees(places: &[Place], told: &[Place]) -> bool {
    let one = |(place, told): (&Place, &Place)| {
        place == told || place.ends_with(':') && told.starts_with(place.as_str())
    };
    let complete = places.len() == told.len() || (LONG..told.len()).contains(&places.len());
    !places.is_empty() && complete && places.iter().zip(told).all(one)
}

/// Asserts that at least 99 of 100 loads of a language's modules have a line; prints the share.
#[track_caller]
pub(crate) fn assert_share(what: &str, events: &Events, is_module: impl Fn(&Event) -> bool) {
    let (mut with, mut all, mut without) = (0, 0, Vec::new());
    for load in events.of("load").filter(|event| is_module(event)) {
        all += 1;
        if places(load).is_empty() {
            without.push(format!("{} {}", load.path().display(), load.text("no_lines")));
        } else {
            with += 1;
        }
    }
    println!("{what}: {with}/{all} loads have a line");
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
