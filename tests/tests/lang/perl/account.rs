//! What programs/perl/Account.pm wrote down, and how far the events agree with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use alive_tests::artifacts;
use alive_tests::events::{Event, Events};
use alive_tests::scene::Scene;

/// A frame: file, line and function as the events file spells them.
pub(super) type Frame = (String, u64, String);

/// The folder with `Account.pm`.
pub(super) fn folder() -> PathBuf {
    artifacts::source("programs/perl")
}

/// Where an account is written.
pub(super) fn file(scene: &Scene) -> PathBuf {
    scene.path("account")
}

/// Has every Perl that the command starts write down what is required.
pub(super) fn watch<'c>(scene: &Scene, command: &'c mut Command) -> &'c mut Command {
    command.env("ACCOUNT", file(scene)).env("PERL5LIB", folder()).env("PERL5OPT", "-MAccount=watch")
}

/// The frames of an event.
pub(super) fn frames(event: &Event) -> Vec<Frame> {
    let frames = event.member("frames").as_array().map_or(&[][..], Vec::as_slice);
    frames
        .iter()
        .map(|frame| {
            let text = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
            assert_eq!(text("language"), "perl", "{frame}");
            (text("file"), frame["line"].as_u64().unwrap_or_default(), text("function"))
        })
        .collect()
}

/// Loads of Perl's modules, by Perl.
pub(super) fn module_loads(events: &Events) -> impl Iterator<Item = &Event> {
    events.of("load").filter(|load| load.text("language") == "perl" && load.text("kind") == "module")
}

/// One module, as Perl tells who asked for it.
struct Told {
    pid: u32,
    /// All frames are there, not only the first ones.
    whole: bool,
    file: PathBuf,
    frames: Vec<Frame>,
}

/// How far events agree with Perl's account.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    modules: usize,
    with_caller: usize,
    told: usize,
    caller_agrees: usize,
    nearer: usize,
    stack_agrees: usize,
    differences: Vec<String>,
}

impl Agreement {
    /// Of all modules in the events with the scene's account.
    pub(super) fn of(scene: &Scene, events: &Events) -> Self {
        let account = read(&file(scene));
        let mut agreement = Self::default();
        for load in module_loads(events) {
            let frames = frames(load);
            agreement.modules += 1;
            agreement.with_caller += usize::from(!frames.is_empty());
            // One process may look for a file of this name from several places.
            let told: Vec<_> = account.iter().filter(|told| told.is_of(load)).collect();
            if told.is_empty() {
                continue;
            }
            agreement.told += 1;
            let first = frames.first();
            let same_caller = told.iter().any(|told| told.frames.first() == first);
            let nearer = !same_caller && told.iter().any(|told| is_nearer(told.frames.first(), first));
            agreement.nearer += usize::from(nearer);
            let same_stack = told.iter().any(|told| told.is_told_by(&frames));
            agreement.caller_agrees += usize::from(same_caller || nearer);
            agreement.stack_agrees += usize::from(same_stack);
            if !same_stack {
                let perl: Vec<_> = told.iter().map(|told| &told.frames).collect();
                agreement.differences.push(format!("{:?}: {frames:?}, Perl: {perl:?}", load.path()));
            }
        }
        agreement
    }

    /// Asserts that at least so many modules were held against the account, that the callers of all agree,
    /// and that 99 % of all modules have one. Prints the figures.
    #[track_caller]
    pub(super) fn assert_callers(&self, what: &str, at_least: usize) {
        println!("{what}: {self}");
        assert!(self.told >= at_least, "{what}: {self}, of {at_least} that were expected");
        assert!(self.with_caller * 100 >= self.modules * 99, "{what}: {self}");
        assert_eq!(self.caller_agrees, self.told, "{what}: {self}\n{}", self.differences.join("\n"));
    }

    /// Asserts further that all frames agree.
    #[track_caller]
    pub(super) fn assert_whole(&self, what: &str, at_least: usize) {
        self.assert_callers(what, at_least);
        assert!(self.differences.is_empty(), "{what}: {self}\n{}", self.differences.join("\n"));
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} modules with a caller; of {} in Perl's own account {} agree in file and line ({} of \
             them with the line of a `require` inside of the statement that `caller` names), {} in all frames",
            self.with_caller, self.modules, self.told, self.caller_agrees, self.nearer, self.stack_agrees
        )
    }
}

impl Told {
    fn is_of(&self, load: &Event) -> bool {
        self.pid == load.pid() && load.path().ends_with(&self.file)
    }

    /// Whether an event's frames are these. An event that is cut for its length still has the innermost.
    fn is_told_by(&self, frames: &[Frame]) -> bool {
        if !self.whole {
            return frames.starts_with(&self.frames);
        }
        let shortest = self.frames.len().min(CERTAIN);
        let outer = |frames: &[Frame]| frames.get(1..).unwrap_or_default().to_vec();
        let same_first = self.frames.first() == frames.first();
        frames.len() >= shortest
            && (same_first || is_nearer(self.frames.first(), frames.first()))
            && outer(&self.frames).starts_with(&outer(frames))
    }
}

/// Whether an event names a line inside of the statement that `caller` names: the one where it is written
/// that something is wanted. `caller` tells of an `if` with one statement in its block the line of the `if`.
fn is_nearer(told: Option<&Frame>, frame: Option<&Frame>) -> bool {
    let (Some((told_file, told_line, told_sub)), Some((file, line, sub))) = (told, frame) else {
        return false;
    };
    let source = std::fs::read_to_string(file).unwrap_or_default();
    let written = usize::try_from(*line).ok().and_then(|line| source.lines().nth(line.checked_sub(1)?));
    (told_file, told_sub) == (file, sub)
        && told_line < line
        && written.is_some_and(|line| line.contains("require"))
}

/// Frames that every event has room for.
const CERTAIN: usize = 5;

fn read(path: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let pid = words.next().and_then(|pid| pid.parse().ok()).expect("a pid");
            let whole = words.next() == Some("all");
            let mut words = words.map(decoded);
            let file = words.next().expect("a file");
            let file = PathBuf::from(file.strip_prefix("./").unwrap_or(&file));
            Told { pid, whole, file, frames: words.map(|word| frame(&word)).collect() }
        })
        .collect()
}

/// `FILE:LINE:SUB`; a file may have colons, a sub has them.
fn frame(word: &str) -> Frame {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty();
    let mut places = word.match_indices(':').filter_map(|(at, _)| {
        let (line, sub) = word[at + 1..].split_once(':')?;
        digits(line).then(|| (word[..at].to_owned(), line.parse().expect("digits"), sub.to_owned()))
    });
    places.next_back().unwrap_or_else(|| panic!("no frame: {word}"))
}

/// Hex to text, spelled as the events file spells bytes that are no UTF-8.
fn decoded(hex: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        hex.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
    let bytes = bytes.unwrap_or_else(|| panic!("no hex: {hex}"));
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        format!("{}{invalid}", chunk.valid())
    };
    bytes.utf8_chunks().map(chunk).collect()
}
