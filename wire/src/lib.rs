//! The datagram between a traced process and the collector.
//!
//! Two forms share one UDP port and are told apart by their first bytes:
//!
//! * **binary**, magic `ALV1`: what the shim sends. Fixed header, then records ([`header`], [`record`]).
//! * **text**, `alive1` and a tab: what any language sends in one line ([`text`]).
//!
//! # The binary form, by example
//!
//! All numbers are little-endian. A datagram is one event or several, one behind the other; each
//! begins with the 56-byte header and says its own whole length. The load of `/a.pm` by process
//! 4242, without the optional records, is 75 bytes:
//!
//! ```text
//!  0  41 4c 56 31                magic "ALV1"
//!  4  01                         major version of the layout
//!  5  02                         kind: 1 start, 2 load, 3 missing, 4 ping, 5 fork, 6 end
//!  6  38 00                      header length, 56: where the first record begins
//!  8  4b 00                      length of the whole event, 75
//! 10  00 00                      flags
//! 12  92 10 00 00                pid 4242
//! 16  91 10 00 00                parent's pid 4241
//! 20  90 10 00 00                root's pid 4240
//! 24  40 e2 01 00 00 00 00 00    root's start, microseconds since 1970
//! 32  07 00 00 00 00 00 00 00    sequence number within the root's process tree
//! 40  00 ca 9a 3b 00 00 00 00    CLOCK_MONOTONIC, nanoseconds
//! 48  03 00 00 00                node: number of this process within the tree, 0 for the root
//! 52  01 00                      depth: forks between the root and this process
//! 54  00 00                      reserved, zero
//! 56  01 05 00 2f 61 2e 70 6d    record 1 (path), 5 bytes, "/a.pm"
//! 64  05 04 00 02 02 01 01       record 5 (code), 4 bytes: module, Perl, loaded, by open
//! 71  02 01 00 61                record 2 (name), 1 byte, "a"
//! ```
//!
//! # What may change without a new major version
//!
//! Compatible: a new record type, a new kind, a new flag, a longer header (readers skip to
//! `header length`), more bytes at the end of a record. A reader skips what it does not know and
//! counts unknown kinds. Incompatible, and so a new [`header::MAJOR`]: moving or re-using a header
//! field, another meaning for a record type.
//!
//! Paths are bytes, never assumed to be UTF-8.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::arithmetic_side_effects)]

#[cfg(test)]
extern crate std;

pub mod bystanders;
pub mod decode;
pub mod encode;
pub mod error;
mod fields;
mod frames;
pub mod header;
pub mod lines;
pub mod record;
pub mod text;
pub mod vocabulary;

pub use bystanders::Bystanders;
pub use decode::{Datagram, Event};
pub use encode::Encoder;
pub use error::Error;
pub use header::Header;
pub use lines::{LanguageStack, LineWriter};
pub use record::Record;
pub use vocabulary::{CodeKind, Kind, Language, NoLines, Outcome, Via};

/// Default UDP port of the collector: "ALIVE" on a telephone's keys.
pub const DEFAULT_PORT: u16 = 25483;

/// Longest datagram that the shim sends: with IP and UDP headers it fits an Ethernet frame.
pub const MAX_SENT: usize = 1400;

/// Longest datagram that the collector accepts; what is longer is counted as truncated.
pub const MAX_ACCEPTED: usize = 2048;

/// Most native frames in one event.
pub const MAX_FRAMES: usize = 64;

/// Forks of one role that are announced by an event of their own, and at which the forker's size is read.
/// Beyond, the count rides along with the role's other events.
pub const ANNOUNCED_FORKS: u32 = 64;

/// Most forks between a root and its descendant that an event describes.
pub const MAX_LINEAGE: usize = 16;

/// Longest path in an event, in bytes (`PATH_MAX` without the terminating zero).
pub const MAX_PATH: usize = 4095;
