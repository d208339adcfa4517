//! `libpostfork.so`: tells over UDP what a forked process loads.
//!
//! # What must hold in every hook
//!
//! No allocation, no lock, no panic, no `dlsym`, `dlerror` or `getenv`, errno as the real call left
//! it. Safe in a signal handler, in a vfork child (where nothing is written), in a forked child of
//! a threaded parent whose locks are held elsewhere, under seccomp, in a chroot, after setuid,
//! after every descriptor was closed. What cannot be known is told as unknown; what cannot be told
//! is counted.
//!
//! # One `require` through the files
//!
//! 1. Perl calls `open64("/usr/share/perl/5.36/JSON/PP.pm")`, which is [`hooks::open`]: it calls
//!    the `open64` behind it ([`real`]) and hands the descriptor on.
//! 2. `observe::file` asks `process::fork` whether this process was forked, one load from a page
//!    that the kernel wipes in every child, and `observe::classify` whether the name is that of
//!    code. In the parent, or for another name, that was all.
//! 3. `fork::speaker` enrols the process in the tree; a vfork child is turned away.
//! 4. `observe::linkmap` tells first of objects that came in unseen.
//! 5. The kernel says which file the descriptor is; `stack::native` walks the stack, and `stack::lang`
//!    reads the lines of the interpreter that it passes through.
//! 6. `emit` composes the event on the stack and `sys` sends it by a socket that lives for this
//!    one call.
//!
//! # What is exported
//!
//! Exactly the functions of [`hooks`]; a golden list in the tests holds it.
#![cfg_attr(not(test), no_std)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects, clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test may panic"))]

// Whatever else is built beside the shim, libc is what it links against: with the libc crate's `std`
// feature switched on by a neighbour, nothing would say so, and the symbols would lose their versions.
#[link(name = "c")]
unsafe extern "C" {}

mod arch;
mod cell;
mod config;
mod emit;
pub mod hooks;
mod observe;
mod process;
mod real;
mod stack;
mod sys;
mod undisturbed;

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

static ROOT_PID: AtomicU32 = AtomicU32::new(0);
static ROOT_START_MICROS: AtomicU64 = AtomicU64::new(0);
static CPU_AT_START_NANOS: AtomicU64 = AtomicU64::new(0);

/// The image that the constructor ran in: its pid and when, in microseconds since 1970.
fn root() -> (u32, u64) {
    (ROOT_PID.load(Ordering::Relaxed), ROOT_START_MICROS.load(Ordering::Relaxed))
}

/// Nanoseconds of CPU that the image took since the constructor ran; exec keeps the time of the one before.
fn cpu_nanos() -> u64 {
    let now = sys::clock_nanos(libc::CLOCK_PROCESS_CPUTIME_ID);
    now.saturating_sub(CPU_AT_START_NANOS.load(Ordering::Relaxed))
}

/// What the image took since then.
fn toll() -> alive_wire::record::Toll {
    let began = ROOT_START_MICROS.load(Ordering::Relaxed).saturating_mul(1000);
    alive_wire::record::Toll {
        cpu_nanos: cpu_nanos(),
        wall_nanos: sys::clock_nanos(libc::CLOCK_REALTIME).saturating_sub(began),
        resident_kib: process::lineage::resident_kib().unwrap_or(0),
    }
}

/// Everything that is looked up or read, once and before any fork. Most programs that a daemon starts
/// never fork, so what only a fork needs waits for the first one ([`process::lineage`]).
///
/// The order matters: the wiped page comes last but for the handlers, because it is what lets
/// hooks observe.
#[cfg_attr(test, allow(dead_code, reason = "no constructor runs under unit test"))]
fn begin() {
    real::find_all();
    // SAFETY: this is the constructor, and no hook finds the process forked yet.
    if unsafe { config::read() } && !hooks::guard::begin() {
        ROOT_PID.store(sys::getpid(), Ordering::Relaxed);
        CPU_AT_START_NANOS.store(sys::clock_nanos(libc::CLOCK_PROCESS_CPUTIME_ID), Ordering::Relaxed);
        ROOT_START_MICROS.store(sys::clock_nanos(libc::CLOCK_REALTIME) / 1000, Ordering::Relaxed);
        stack::object::begin();
        stack::first::begin();
        observe::linkmap::begin();
        if process::fork::begin() {
            process::lineage::begin();
            observe::python::install_at_start();
        }
    }
    // A symbol that an older glibc lacks has left a message that the program would find. Asked once,
    // dlerror hands it out; asked again, it frees it.
    for _ in 0..2 {
        // SAFETY: no pointers; the constructor may use what hooks may not.
        unsafe { libc::dlerror() };
    }
}

#[cfg(not(test))]
ctor::declarative::ctor! {
    #[ctor(unsafe)]
    fn constructor() {
        begin();
    }
}

/// glibc hands the command line to what stands in this section; it is noted before the constructor
/// runs, because /proc/self/cmdline would cost three system calls.
#[cfg(not(test))]
#[used]
// SAFETY: glibc calls it with these arguments; `.00000` sorts it before the constructor.
#[unsafe(link_section = ".init_array.00000")]
static NOTE_COMMAND_LINE: unsafe extern "C" fn(core::ffi::c_int, *const *const core::ffi::c_char) =
    config::note_command_line;

/// At the end of a process: objects that came in since the last hook; of an image that never forked, that it
/// was there.
#[cfg_attr(test, allow(dead_code, reason = "nothing is observed under unit test"))]
extern "C" fn at_exit() {
    if process::fork::forked()
        && let Some(speaker) = process::fork::speaker()
        && !process::heir::inherits(&speaker)
        && !emit::must_only_count()
    {
        observe::linkmap::compare(&speaker, None);
        observe::search::end(&speaker);
    } else if !process::fork::forked() && !process::lineage::has_forked() {
        emit::ended();
    }
}

#[cfg(not(test))]
#[used]
// SAFETY: the dynamic linker calls what stands in this section with no arguments that we need.
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = at_exit;

// Without optimisation, code of `core` that ends in a panic stays in and names the unwinder's function,
// which a no_std library has from nobody. Hidden, so that it is not exported; never called, because
// nothing here unwinds by it.
#[cfg(not(test))]
core::arch::global_asm!(
    ".hidden rust_eh_personality",
    ".weak rust_eh_personality",
    ".type rust_eh_personality, %function",
    "rust_eh_personality:",
    ".long 0",
);

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing panics, by lint and by test; were it to, ending here is better than going on wrong.
    // SAFETY: abort takes nothing.
    unsafe { libc::abort() }
}
