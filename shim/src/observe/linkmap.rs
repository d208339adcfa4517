//! What got mapped: the dynamic linker's list of objects, compared with what was known.
//!
//! dlopen's argument is not the story: dependencies come in behind it, and glibc opens name
//! service, character set and unwinder libraries without any call that could be hooked. So the
//! list is compared after each dlopen and at later hooks, and each object that is new in this
//! process is a load of its own.

use super::classify::LIBRARY;
use super::dlopen::pending_trace;
use super::entries::{self, Entries, Entry};
use super::file::{MAX_PATH, resolve};
use super::known::{Pruning, learn};
use super::search;
use crate::cell::Bytes;
use crate::config::base_name;
use crate::emit::{self, Load};
use crate::process::fork::{self, Speaker};
use crate::process::tree;
use crate::stack::Trace;
use crate::stack::object::LinkMap;
use crate::sys;
use alive_wire::header::flags;
use alive_wire::record::Reason;
use alive_wire::{Outcome, Via};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};

/// What a dlopen that just returned was asked for.
pub(crate) struct Asked<'a> {
    /// The handle, which in glibc is the object's link map; null when it failed.
    pub(crate) handle: *const LinkMap,
    /// The caller's words.
    pub(crate) name: &'a [u8],
    /// How long it took.
    pub(crate) nanos: u64,
    /// Who asked.
    pub(crate) stack: &'a Trace,
}

/// Looks the linker's books up; called by the constructor.
pub(crate) fn begin() {
    entries::begin();
}

/// Takes the books for itself, if no other thread has them and the linker is not at work.
fn with_books<R>(work: impl FnOnce(&mut Entries) -> R) -> Option<R> {
    fork::page().comparing.with(|at_work| {
        if *at_work {
            // A signal handler jumped out of the last turn: an object may be known and not told.
            tree::count_not_sent(Reason::LinkMap);
        }
        *at_work = true;
        let result = Entries::new().map(|mut entries| work(&mut entries));
        *at_work = false;
        result
    })?
}

/// The list as it was when all of it was entered into the books, in one number; 0 when it has to be
/// entered again.
static REMEMBERED: AtomicU64 = AtomicU64::new(0);

/// Everything that is mapped now is known and no load: before a fork.
///
/// A server that forks again and again seldom maps anything in between, and to walk the list touches far
/// less memory than to look every object up.
pub(crate) fn remember() {
    let list = with_books(|entries| {
        let list = entries.fingerprint();
        if entries.broken { 0 } else { list }
    });
    if let Some(list) = list
        && (list == 0 || list != REMEMBERED.load(Ordering::Relaxed))
    {
        with_books(Entries::learn_all);
        REMEMBERED.store(list, Ordering::Relaxed);
    }
}

/// Likewise for the libraries that stand before the shim; once, before the first fork.
pub(crate) fn remember_first() {
    with_books(|entries| {
        entries.begin_behind_the_program();
        entries.learn_all();
    });
}

/// The list in one number; none where it cannot be read now, or only through the kernel, entry by entry.
pub(super) fn fingerprint() -> Option<u64> {
    with_books(|entries| {
        let list = if entries.are_asked_for() { 0 } else { entries.fingerprint() };
        (list != 0 && !entries.broken).then_some(list)
    })
    .flatten()
}

/// Forgets what is no longer mapped, so that mapping it again is a load again.
pub(super) fn prune() {
    REMEMBERED.store(0, Ordering::Relaxed);
    with_books(|entries| {
        let pruning = Pruning::new();
        while let Some(entry) = entries.next() {
            pruning.keep(&entry);
        }
        if !entries.broken {
            pruning.finish();
        }
    });
}

/// Whether the path of any mapped object is one that `wanted` knows. False when the list cannot be read now.
pub(super) fn any(wanted: impl Fn(&[u8]) -> bool) -> bool {
    with_books(|entries| {
        while let Some(entry) = entries.next() {
            if wanted(entry.name().as_slice()) {
                return true;
            }
        }
        false
    })
    .unwrap_or(false)
}

/// Tells of every object that is new; false when that has to wait for a later hook.
pub(crate) fn compare(speaker: &Speaker, asked: Option<&Asked<'_>>) -> bool {
    if asked.is_none() && fork::page().opening.load(Ordering::Relaxed) > 0 {
        // Objects of an unfinished dlopen: it will tell of them itself, with who asked.
        return false;
    }
    with_books(|entries| {
        let mut earlier = Earlier { pending: None, found: false, first: Bytes::EMPTY };
        while let Some(entry) = entries.next() {
            if learn(&entry) {
                tell(speaker, &entry, asked, &mut earlier);
            }
        }
        if entries.broken {
            tree::count_not_sent(Reason::LinkMap);
        }
    })
    .is_some()
}

/// What is known of objects that came in unseen.
struct Earlier {
    /// The dlopen that was jumped to last: its name and who asked.
    pending: Option<(Bytes<512>, Trace)>,
    /// Its object was among the new ones; what comes behind it came with it.
    found: bool,
    /// The first new object, which is the likely reason for the ones behind it.
    first: Bytes<512>,
}

/// Sends the load of one new object.
fn tell(speaker: &Speaker, entry: &Entry, asked: Option<&Asked<'_>>, earlier: &mut Earlier) {
    let own_name = entry.name();
    if own_name.as_slice().first() != Some(&b'/') && !own_name.as_slice().contains(&b'/') {
        // The kernel's own object, or one without a file.
        return;
    }
    let mut terminated = own_name;
    terminated.push(&[0]);
    let opened = CStr::from_bytes_until_nul(terminated.as_slice()).ok().and_then(sys::open_path);
    let mut buf = [0u8; MAX_PATH];
    let (path, unresolved) = resolve(opened.unwrap_or(-1), own_name.as_slice(), &mut buf);
    let bytes = opened.and_then(sys::mode_and_size).map(|(_, bytes)| bytes);
    if let Some(fd) = opened {
        sys::close(fd);
    }
    if asked.is_none() && earlier.pending.is_none() {
        earlier.pending = pending_trace();
    }
    let is_pending = |name: &Bytes<512>| base_name(name.as_slice()) == base_name(own_name.as_slice());
    let empty = Trace::NONE;
    let (is_asked, words, pulled_in_by, stack, nanos, later) = match (asked, &earlier.pending) {
        (Some(asked), _) if core::ptr::eq(asked.handle, entry.address) => {
            (true, asked.name, &b""[..], asked.stack, Some(asked.nanos), 0)
        }
        (Some(asked), _) => (false, &b""[..], asked.name, asked.stack, None, 0),
        (None, Some((name, stack))) if is_pending(name) => {
            earlier.found = true;
            (true, name.as_slice(), &b""[..], stack, None, flags::SEEN_LATER)
        }
        (None, Some((name, stack))) if earlier.found => {
            (false, &b""[..], name.as_slice(), stack, None, flags::SEEN_LATER)
        }
        _ => (false, &b""[..], earlier.first.as_slice(), &empty, None, flags::SEEN_LATER),
    };
    let name = if words.is_empty() { own_name.as_slice() } else { words };
    let load = Load {
        path,
        name,
        class: LIBRARY,
        outcome: Outcome::Loaded,
        via: if is_asked { Via::Dlopen } else { Via::LinkMap },
        pulled_in_by,
        bytes,
        nanos,
        flags: later | if unresolved { flags::PATH_UNRESOLVED } else { 0 },
    };
    search::loaded(speaker, own_name.as_slice(), LIBRARY);
    emit::load(speaker, &load, stack);
    if earlier.first.as_slice().is_empty() {
        earlier.first = own_name;
    }
}
