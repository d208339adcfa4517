//! Who asked, in the words of an interpreted language: file, line and function of each frame.
//!
//! One file for each language, behind [`Provider`]; to add one, write its file and enter it in
//! [`PROVIDERS`]. An interpreter is recognised by a symbol that nothing else exports, when its object
//! is first seen in the link map ([`look`]): before the first fork, and when a dlopen brings it in.
//!
//! # What must hold
//!
//! * A version or build that is not known exactly is not read. That is told, never guessed around.
//! * An interpreter is read only on a thread whose native stack passes through it, innermost of all
//!   interpreters, and with no signal in between: so it is alive, has a thread state here, and stands
//!   still in the call that led into the hook.
//! * The first stack in each process is read checked ([`memory`]); where something is not as it
//!   should be, that interpreter is left alone in that process from then on.
//! * Nothing is called that allocates, takes a lock, changes a reference count or can raise.

pub(crate) mod image;
pub(crate) mod lines;
pub(crate) mod memory;
mod perl;
mod php;
pub(crate) mod python;
mod room;
mod ruby;

use crate::cell::{Alone, Bytes};
use crate::config;
use crate::process::fork;
use crate::stack::native::Stack;
use crate::stack::object;
use alive_wire::{Language, LineWriter, NoLines};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use image::Image;
use lines::{Lines, ROOM};
use memory::Memory;

/// A version as the report shows it.
pub(crate) type Version = Bytes<24>;

/// An interpreter's account of the calling thread's stack.
pub(crate) trait Provider: Sync {
    /// Whose lines.
    fn language(&self) -> Language;

    /// A symbol that every build of the interpreter exports and nothing else does.
    fn mark(&self) -> &'static CStr;

    /// Looks up in the object that has the mark what a capture needs, and keeps it. One thread at a
    /// time, and no capture meanwhile. Writes the version in any case where it can be known.
    ///
    /// # Errors
    /// Why its lines cannot be read.
    fn detect(&self, image: &Image, memory: &Memory, version: &mut Version) -> Result<(), NoLines>;

    /// Writes the frames of the calling thread, innermost first, until the writer is full.
    ///
    /// # Errors
    /// Why there are none. After [`NoLines::Unexpected`] it is not asked again in this process.
    fn capture(&self, memory: &Memory, lines: &mut LineWriter<'_>) -> Result<(), NoLines>;
}

/// How many languages can be read.
const LANGUAGES: usize = 4;

/// Every language that can be read.
static PROVIDERS: [&dyn Provider; LANGUAGES] = [&perl::Perl, &php::Php, &python::Python, &ruby::Ruby];

/// `state` of a [`Slot`]: not seen, being looked at, read; from [`OFF`] on, a [`NoLines`] on top of it.
const UNSEEN: u32 = 0;
const LOOKING: u32 = 1;
const READ: u32 = 2;
const OFF: u32 = 16;
/// Seen before it began: it is looked at again once it is on a stack.
const NOT_YET: u32 = OFF + NoLines::NotRunning as u32;

/// What is known of a provider's interpreter in this process.
struct Slot {
    state: AtomicU32,
    start: AtomicUsize,
    end: AtomicUsize,
    version: Alone<Version>,
}

static SLOTS: [Slot; LANGUAGES] = [const {
    Slot {
        state: AtomicU32::new(UNSEEN),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        version: Alone::new(Version::EMPTY),
    }
}; LANGUAGES];

/// Interpreters seen so far, so that a process without one loses no time.
static SEEN: AtomicU32 = AtomicU32::new(0);

/// Whether any interpreter was seen.
pub(crate) fn any() -> bool {
    SEEN.load(Ordering::Relaxed) > 0
}

/// A number for each provider's place in [`fork::Page`]'s sets.
fn bit(number: usize) -> u32 {
    1u32.checked_shl(u32::try_from(number).unwrap_or(u32::MAX)).unwrap_or(0)
}

/// Looks whether an object is an interpreter. `certain`: it cannot be unmapped meanwhile.
pub(crate) fn look(dynamic: usize, bias: usize, certain: bool) {
    let memory = if certain { Memory::direct() } else { Memory::through_the_kernel() };
    let Some(mut image) = Image::of(&memory, dynamic, bias) else { return };
    for (provider, slot) in PROVIDERS.iter().zip(&SLOTS) {
        if image.exported(&memory, provider.mark()).is_some() && image.find_range().is_some() {
            slot.fill(*provider, &image);
        }
    }
}

/// Notes the program itself, and looks whether it is an interpreter.
pub(crate) fn look_at_program(dynamic: usize, bias: usize) {
    Image::note_program(dynamic, bias);
    look(dynamic, bias, true);
}

/// After a dlclose: an interpreter that was unmapped is not looked for on stacks any more.
pub(crate) fn forget_unmapped() {
    for slot in &SLOTS {
        let start = slot.start.load(Ordering::Relaxed);
        let gone = start != 0
            && object::find(start as u64)
                .is_none_or(|object| object.start != start || object.end != slot.end.load(Ordering::Relaxed));
        if gone && slot.state.swap(UNSEEN, Ordering::AcqRel) != UNSEEN {
            slot.start.store(0, Ordering::Relaxed);
            slot.end.store(0, Ordering::Relaxed);
            SEEN.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The interpreters that were seen: whose, why their lines are not read, their version.
pub(crate) fn seen() -> impl Iterator<Item = (Language, Option<NoLines>, &'static [u8])> {
    PROVIDERS.iter().zip(&SLOTS).filter_map(|(provider, slot)| {
        let why = match slot.state.load(Ordering::Acquire) {
            UNSEEN | LOOKING => return None,
            READ => None,
            off => why_off(off),
        };
        Some((provider.language(), why, slot.version.get().as_slice()))
    })
}

fn why_off(state: u32) -> Option<NoLines> {
    NoLines::from_byte(u8::try_from(state.checked_sub(OFF)?).ok()?)
}

impl Slot {
    fn fill(&self, provider: &dyn Provider, image: &Image) {
        let before = self.state.load(Ordering::Acquire);
        let same = self.start.load(Ordering::Relaxed) == image.start
            && self.end.load(Ordering::Relaxed) == image.end;
        let known = before != UNSEEN && before != NOT_YET && same;
        if known
            || before == LOOKING
            || self.state.compare_exchange(before, LOOKING, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return;
        }
        let mut version = Version::EMPTY;
        let memory = Memory::checked();
        let state = match provider.detect(image, &memory, &mut version) {
            Ok(()) => READ,
            Err(why) => OFF.saturating_add(u32::from(why.byte())),
        };
        // SAFETY: the state says that somebody looks, so nobody else does.
        unsafe { self.version.change(|slot| *slot = version) };
        self.start.store(image.start, Ordering::Relaxed);
        self.end.store(image.end, Ordering::Relaxed);
        self.state.store(state, Ordering::Release);
        if before == UNSEEN {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Looks again at an interpreter that had not begun when it was seen. It is on this thread's stack,
    /// so it stays mapped meanwhile.
    #[cold]
    fn look_again(&self, provider: &dyn Provider) {
        let Some(object) = object::find(self.start.load(Ordering::Relaxed) as u64) else { return };
        // SAFETY: a mapped object's entry in the linker's list.
        let map = unsafe { &*object.link_map };
        let image = Image::of(&Memory::checked(), map.dynamic as usize, map.bias);
        if let Some(mut image) = image
            && image.find_range().is_some()
        {
            self.fill(provider, &image);
        }
    }

    fn holds(&self, address: usize) -> bool {
        (self.start.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&address)
    }
}

/// The lines of the calling thread, whose native stack is known; at most so many frames.
#[inline(never)]
pub(crate) fn capture(stack: &Stack, at_most: usize) -> Lines<ROOM> {
    if !any() || !config::get().language_frames {
        return Lines::NONE;
    }
    let innermost = |addresses: &[u64]| {
        addresses.iter().find_map(|address| {
            let address = usize::try_from(*address).ok()?;
            SLOTS.iter().position(|slot| slot.holds(address))
        })
    };
    let Some(number) = innermost(stack.addresses()) else { return Lines::NONE };
    let (Some(provider), Some(slot)) = (PROVIDERS.get(number), SLOTS.get(number)) else { return Lines::NONE };
    let language = provider.language();
    if innermost(stack.uninterrupted()) != Some(number) {
        return Lines::unread(language, NoLines::Interrupted);
    }
    if slot.state.load(Ordering::Acquire) == NOT_YET {
        slot.look_again(*provider);
    }
    match slot.state.load(Ordering::Acquire) {
        READ => {}
        off => return why_off(off).map_or(Lines::NONE, |why| Lines::unread(language, why)),
    }
    let page = fork::page();
    if page.languages_off.load(Ordering::Relaxed) & bit(number) != 0 {
        return Lines::unread(language, NoLines::Unexpected);
    }
    let known = page.languages_read.load(Ordering::Relaxed) & bit(number) != 0;
    let memory = if known { Memory::direct() } else { Memory::checked() };
    let mut buf = [0u8; ROOM];
    let mut writer = LineWriter::new(&mut buf, at_most);
    let result = provider.capture(&memory, &mut writer);
    let (used, cut) = (writer.len(), writer.is_cut());
    match result {
        Ok(()) if used == 0 => Lines::unread(language, NoLines::NotRunning),
        Ok(()) => {
            if !known {
                page.languages_read.fetch_or(bit(number), Ordering::Relaxed);
            }
            Lines::of(language, buf.get(..used).unwrap_or_default(), cut)
        }
        Err(why) => {
            if why == NoLines::Unexpected {
                page.languages_off.fetch_or(bit(number), Ordering::Relaxed);
            }
            Lines::unread(language, why)
        }
    }
}
