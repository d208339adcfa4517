//! What the end-to-end tests stand on.
//!
//! A test reads like a sentence: a [`scene::Scene`] has a collector and a folder, a program of
//! `programs/*.c` ([`artifacts::program`]) runs in it, and the [`events`] that arrived are looked at.
//! Where the truth is not known beforehand, strace tells it: [`strace`] reads its log,
//! [`oracle`] makes sets of files per process of it, [`unfound`] sets of names that were looked for in
//! vain, and [`expect`] holds the events against them.
//!
//! Where the next test goes:
//!
//! | what it is about | file |
//! |---|---|
//! | a way to become another process | `tests/fork.rs` |
//! | the program must not notice the shim | `tests/transparency/`, a room for each kind of hazard; [`worlds`] compares |
//! | how the shim lies in memory | `tests/layout.rs` |
//! | native libraries, their dependencies and callers | `tests/dlopen.rs` |
//! | a function of the open or fopen family | `tests/hooks.rs` |
//! | arguments that a function should not get | `tests/fuzz.rs` |
//! | a stack that cannot be walked | `tests/unwind.rs` |
//! | a way to code that is seen, or is not | `tests/interception.rs`, and a line in `docs/interception.md` |
//! | a name that is looked for | `tests/search.rs` |
//! | a daemon that forks itself into the background | `tests/heir.rs` |
//! | what a fork endangers | `tests/bystanders.rs` |
//! | what is executed again and again | `tests/executed.rs` |
//! | what is lost, and that it is said | `tests/loss.rs` |
//! | another preload library beside ours | `tests/interposer.rs` |
//! | what a late load costs | `tests/cost.rs` |
//! | what `alive run` and `alive report` say in the end | `tests/report.rs` |
//! | what the page shows and does in a browser | `tests/page/`; [`browser`] drives it |
//! | the collector's figures | `tests/figures.rs` |
//! | a list of what to preload | `tests/preload/`, pasted into the real daemon by [`served`] |
//! | what processes hold and map, by /proc and by the collector | `tests/memory/` |
//! | a real daemon against strace | `tests/truth.rs`, with its application in `daemons/` and its command in [`targets`] |
//! | the same in its own daemon mode | `tests/background.rs` |
//! | a tree of another form than master and workers | `tests/trees.rs` |
//! | what should be loaded where, by a real daemon's report | `tests/verdicts.rs` |
//! | a guide that is to be carried out as it stands | `tests/gate.rs` |
//! | the line that asks, in an interpreted language | `tests/lang/` |
//! | a client of the taps, in any language | `tests/taps/` |
//! | a file for packagers | `tests/packaging.rs` |
//! | something that went wrong for somebody | `tests/regressions.rs` |
#![forbid(unsafe_code)]

pub mod artifacts;
pub mod browser;
pub mod daemon;
pub mod damage;
pub mod events;
pub mod expect;
pub mod needs;
pub mod oracle;
pub mod running;
pub mod scene;
pub mod seeds;
pub mod served;
pub mod strace;
pub mod targets;
pub mod unfound;
pub mod worlds;
