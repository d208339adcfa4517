//! From an observation to a datagram: one event, composed on the stack, one socket that lives for
//! one `sendto`.

use crate::observe::classify::Class;
use crate::process::fork::{self, Speaker};
use crate::process::lineage::{self, Link};
use crate::process::tree;
use crate::stack::Trace;
use crate::stack::first;
use crate::stack::lang;
use crate::stack::lang::lines::{Lines, ROOM};
use crate::stack::native::Stack;
use crate::stack::object::{self, Object};
use crate::{config, hooks, sys};
use alive_wire::header::flags;
use alive_wire::record::{Code, Frame, Lineage, NO_MODULE, Reason, types};
use alive_wire::{CodeKind, Encoder, Header, Kind, Language, MAX_FRAMES, MAX_SENT, Outcome, Via};

/// Stack that a report may need; a thread or a signal handler with less left counts instead.
const STACK_NEEDED: usize = 24 * 1024;

/// Objects that one event names.
const MAX_MODULES: usize = 24;

/// One load.
pub(crate) struct Load<'a> {
    pub(crate) path: &'a [u8],
    /// The caller's words.
    pub(crate) name: &'a [u8],
    pub(crate) class: Class,
    pub(crate) outcome: Outcome,
    pub(crate) via: Via,
    /// Empty when nothing is known to have.
    pub(crate) pulled_in_by: &'a [u8],
    /// Size of the file.
    pub(crate) bytes: Option<u64>,
    /// Duration of the dlopen.
    pub(crate) nanos: Option<u64>,
    /// Bits of [`flags`].
    pub(crate) flags: u16,
}

/// A name that was searched for; found after all, when the outcome says so.
pub(crate) struct Missing<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: CodeKind,
    pub(crate) language: Language,
    pub(crate) outcome: Outcome,
    /// Failed calls.
    pub(crate) probes: u32,
}

/// Whether a report must not be made now, which is then counted: in a sandbox a socket may be
/// death, and on a small stack there is no room to compose one.
///
/// The first question of all: under a filter any system call may be the last, and what the other
/// questions need of the stack may be more than is left.
#[inline(never)]
pub(crate) fn must_only_count() -> bool {
    let reason = if hooks::guard::sandboxed() {
        Reason::Sandbox
    } else if !has_room() {
        Reason::SmallStack
    } else {
        return false;
    };
    tree::count_not_sent(reason);
    true
}

/// Whether the stack has room for a report. Of the first thread's stack and of an alternate signal stack
/// the size is known; of another one the kernel says whether there is memory so far below, which a
/// guard page is not.
#[inline(never)]
pub(crate) fn has_room() -> bool {
    let here = 0u8;
    let here = &raw const here as usize;
    // A signal stack may lie anywhere, in the first thread's stack, too.
    if let Some(room) = sys::room_on_signal_stack(here).or_else(|| first::room_below(here)) {
        return room >= STACK_NEEDED;
    }
    sys::all_readable_below(here, STACK_NEEDED)
}

/// Sends a load. The caller asked [`must_only_count`] before it began to observe.
#[inline(never)]
pub(crate) fn load(speaker: &Speaker, load: &Load<'_>, trace: &Trace) {
    send(Kind::Load, speaker, load.flags, |event, modules| {
        event.code(Code {
            kind: Some(load.class.kind),
            language: Some(load.class.language),
            outcome: Some(load.outcome),
            via: Some(load.via),
        });
        event.string(types::PATH, load.path);
        if load.name != load.path {
            event.string(types::NAME, load.name);
        }
        if !load.pulled_in_by.is_empty() {
            event.string(types::PULLED_IN_BY, load.pulled_in_by);
        }
        if let Some(bytes) = load.bytes {
            event.number(types::FILE_BYTES, bytes);
        }
        if let Some(nanos) = load.nanos {
            event.number(types::DURATION, nanos);
        }
        event.usage(sys::thread_usage());
        write_lineage(event, modules, lineage::links());
        write_lines(event, &trace.lines);
        write_stack(event, modules, &trace.native);
    });
}

/// Sends what a search came to. The caller asked [`must_only_count`] before.
#[inline(never)]
pub(crate) fn missing(speaker: &Speaker, missing: &Missing<'_>, trace: &Trace) {
    send(Kind::Missing, speaker, 0, |event, modules| {
        event.code(Code {
            kind: Some(missing.kind),
            language: Some(missing.language),
            outcome: Some(missing.outcome),
            via: None,
        });
        event.string(types::NAME, missing.name);
        event.search(missing.probes);
        write_lineage(event, modules, lineage::links());
        write_lines(event, &trace.lines);
        write_stack(event, modules, &trace.native);
    });
}

/// Tells of an image that is about to fork for the first time.
pub(crate) fn started() {
    if must_only_count() {
        return;
    }
    let Some(speaker) = fork::speaker() else { return };
    send(Kind::Start, &speaker, 0, |event, _| {
        event.string(types::EXECUTABLE, config::get().executable.as_slice());
        event.string(types::SHIM_VERSION, env!("CARGO_PKG_VERSION").as_bytes());
        for (language, no_lines, version) in lang::seen() {
            event.interpreter(language, no_lines, version);
        }
    });
}

/// Tells that this process was forked.
pub(crate) fn forked() {
    if must_only_count() {
        return;
    }
    let Some(speaker) = fork::speaker() else { return };
    send(Kind::Fork, &speaker, 0, |event, modules| write_lineage(event, modules, lineage::links()));
}

/// Tells that the process at the end of `lineage` took the place of its root, which daemonised away.
pub(crate) fn rebased(speaker: &Speaker, lineage: &[Link]) {
    if !must_only_count() {
        send(Kind::Fork, speaker, flags::REBASED, |event, modules| write_lineage(event, modules, lineage));
    }
}

/// Composes and sends one event.
fn send(kind: Kind, speaker: &Speaker, extra: u16, records: impl FnOnce(&mut Encoder<'_>, &mut Modules)) {
    let (root_pid, root_start_micros) = crate::root();
    let own_counts = if tree::is_shared() { 0 } else { flags::NO_TREE };
    let mut datagram = [0u8; MAX_SENT];
    let header = Header {
        kind: Ok(kind),
        flags: extra | own_counts,
        pid: speaker.pid,
        ppid: sys::getppid(),
        root_pid,
        root_start_micros,
        sequence: tree::next_sequence(),
        monotonic_nanos: sys::clock_nanos(libc::CLOCK_MONOTONIC),
        node: speaker.node,
        depth: lineage::depth(),
    };
    let Some(mut event) = Encoder::new(&mut datagram, header) else { return };
    event.string(types::PROGRAM, config::get().program.as_slice());
    for (reason, count) in tree::not_sent() {
        event.not_sent(reason, count);
    }
    let mut modules = Modules::NONE;
    records(&mut event, &mut modules);
    let length = event.finish();
    let sent = datagram
        .get(..length)
        .is_some_and(|event| sys::send_datagram(config::get().address.as_slice(), event));
    if !sent {
        tree::count_not_sent(Reason::SendFailed);
    }
}

/// Objects that the event named so far, by first address; their order is their number.
struct Modules {
    starts: [usize; MAX_MODULES],
    used: u8,
}

impl Modules {
    const NONE: Self = Self { starts: [0; MAX_MODULES], used: 0 };

    /// The number of an object, writing it into the event where it is new; [`NO_MODULE`] when it has no room.
    fn number(&mut self, event: &mut Encoder<'_>, object: &Object) -> u8 {
        let used = usize::from(self.used);
        for (number, start) in (0u8..).zip(self.starts.iter().take(used)) {
            if *start == object.start {
                return number;
            }
        }
        let Some(slot) = self.starts.get_mut(used) else { return NO_MODULE };
        if !event.module(&object.module()) {
            return NO_MODULE;
        }
        *slot = object.start;
        let number = self.used;
        self.used = self.used.saturating_add(1);
        number
    }

    /// A return address as module and offset.
    fn place(&mut self, event: &mut Encoder<'_>, address: u64) -> Frame {
        if let Some(object) = object::find(address) {
            let module = self.number(event, &object);
            if module != NO_MODULE {
                return Frame { module, offset: address.wrapping_sub(object.bias()) };
            }
        }
        Frame { module: NO_MODULE, offset: address }
    }
}

fn write_lineage(event: &mut Encoder<'_>, modules: &mut Modules, links: &[Link]) {
    for link in links {
        let site = match link.site {
            0 => Frame { module: NO_MODULE, offset: 0 },
            address => modules.place(event, address),
        };
        let forks = tree::forks(link.role);
        let line = tree::fork_line(link.role);
        event.lineage(&Lineage {
            role: link.role,
            forks: forks.count,
            ordinal: link.ordinal,
            forker_pid: link.forker_pid,
            module: site.module,
            offset: site.offset,
            fork_nanos: forks.nanos,
            resident_kib: forks.resident_kib,
            line: line.stack(),
        });
    }
}

/// The lines of the interpreted language, or why there are none.
fn write_lines(event: &mut Encoder<'_>, lines: &Lines<ROOM>) {
    if let Some((language, why)) = lines.why_none() {
        event.interpreter(language, Some(why), b"");
        return;
    }
    if lines.cut {
        event.flag(flags::FRAMES_CUT);
    }
    event.language_stack(&lines.stack(), ROOM);
}

/// The frames, with every object they lie in named before them while there is room.
fn write_stack(event: &mut Encoder<'_>, modules: &mut Modules, stack: &Stack) {
    if !config::get().native_frames {
        return;
    }
    let mut frames = [Frame { module: NO_MODULE, offset: 0 }; MAX_FRAMES];
    let addresses = stack.addresses();
    for (frame, address) in frames.iter_mut().zip(addresses) {
        *frame = modules.place(event, *address);
    }
    if stack.cut {
        event.flag(flags::FRAMES_CUT);
    }
    event.frames(frames.into_iter().take(addresses.len()));
}
