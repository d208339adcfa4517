//! From an event to bytes, into the caller's buffer: no allocation, no panic, never too long.
//!
//! What does not fit is left out and flagged: native frames with
//! [`flags::FRAMES_CUT`], anything else with [`flags::RECORD_CUT`]. So put the records that matter
//! first and the frames last.

use crate::header::{self, Header, flags};
use crate::record::{Code, Frame, LanguageFrame, Lineage, Module, types};

/// Bytes in front of a record's payload.
const RECORD_HEAD: usize = 3;

/// Longest LEB128 form of a 64-bit number.
const LEB128_MAX: usize = 10;

/// Writes one event into a buffer.
#[derive(Debug)]
pub struct Encoder<'b> {
    buf: &'b mut [u8],
    len: usize,
    header: Header,
}

impl<'b> Encoder<'b> {
    /// Begins an event in `buf`; `None` when not even the header fits.
    #[must_use]
    pub fn new(buf: &'b mut [u8], header: Header) -> Option<Self> {
        if buf.len() < header::LEN || buf.len() > usize::from(u16::MAX) {
            return None;
        }
        Some(Self { buf, len: header::LEN, header })
    }

    /// Sets bits of [`Header::flags`].
    pub const fn flag(&mut self, bits: u16) {
        self.header.flags |= bits;
    }

    /// Bytes still free for records.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.buf.len().saturating_sub(self.len)
    }

    /// A record of several parts; left out and flagged when it does not fit.
    fn record(&mut self, kind: u8, parts: &[&[u8]]) -> bool {
        let size = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        let Ok(length) = u16::try_from(size) else {
            self.flag(flags::RECORD_CUT);
            return false;
        };
        if size.saturating_add(RECORD_HEAD) > self.room() {
            self.flag(flags::RECORD_CUT);
            return false;
        }
        let [low, high] = length.to_le_bytes();
        self.put(&[kind, low, high]);
        for part in parts {
            self.put(part);
        }
        true
    }

    /// Appends bytes that are known to fit.
    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.buf.get_mut(self.len..) {
            self.len = self.len.saturating_add(copy(room, bytes));
        }
    }

    /// A plain string record of [`types`], cut and flagged when it does not fit whole.
    pub fn string(&mut self, kind: u8, bytes: &[u8]) {
        let room = self.room().saturating_sub(RECORD_HEAD);
        match bytes.get(..room) {
            Some(cut) if cut.len() < bytes.len() => {
                self.record(kind, &[cut]);
                self.flag(flags::RECORD_CUT);
            }
            _ => {
                self.record(kind, &[bytes]);
            }
        }
    }

    /// A record that is one number of eight bytes.
    pub fn number(&mut self, kind: u8, number: u64) {
        self.record(kind, &[&number.to_le_bytes()]);
    }

    /// What was loaded. A word that is `None` is written as 0.
    pub fn code(&mut self, code: Code) {
        let bytes = [
            code.kind.map_or(0, crate::CodeKind::byte),
            code.language.map_or(0, crate::Language::byte),
            code.outcome.map_or(0, crate::Outcome::byte),
            code.via.map_or(0, crate::Via::byte),
        ];
        self.record(types::CODE, &[&bytes]);
    }

    /// One fork of the ancestry; call outermost first.
    pub fn lineage(&mut self, link: &Lineage) {
        self.record(
            types::LINEAGE,
            &[
                &link.role.to_le_bytes(),
                &link.forks.to_le_bytes(),
                &link.ordinal.to_le_bytes(),
                &link.forker_pid.to_le_bytes(),
                &[link.module],
                &link.offset.to_le_bytes(),
            ],
        );
    }

    /// The next module; a build id longer than 255 bytes is cut. False when it did not fit.
    pub fn module(&mut self, module: &Module<'_>) -> bool {
        let length = u8::try_from(module.build_id.len()).unwrap_or(u8::MAX);
        let build_id = module.build_id.get(..usize::from(length)).unwrap_or_default();
        self.record(types::MODULE, &[&[length], build_id, module.path])
    }

    /// One frame of the interpreted language; call innermost first. False when it did not fit.
    pub fn language_frame(&mut self, frame: &LanguageFrame<'_>) -> bool {
        let (Ok(file), Ok(function)) = (u16::try_from(frame.file.len()), u16::try_from(frame.function.len()))
        else {
            self.flag(flags::RECORD_CUT);
            return false;
        };
        self.record(
            types::LANGUAGE_FRAME,
            &[
                &[frame.language.map_or(0, crate::Language::byte)],
                &frame.line.to_le_bytes(),
                &file.to_le_bytes(),
                frame.file,
                &function.to_le_bytes(),
                frame.function,
            ],
        )
    }

    /// Events of the tree that were counted instead of sent. `reason` is a [`crate::record::Reason`]'s byte.
    pub fn not_sent(&mut self, reason: u8, count: u64) {
        self.record(types::NOT_SENT, &[&[reason], &count.to_le_bytes()]);
    }

    /// Probes of a search that found nothing.
    pub fn search(&mut self, probes: u32) {
        self.record(types::SEARCH, &[&probes.to_le_bytes()]);
    }

    /// A key and value of a ping; a key longer than 255 bytes is cut.
    pub fn field(&mut self, key: &[u8], value: &[u8]) {
        let length = u8::try_from(key.len()).unwrap_or(u8::MAX);
        let key = key.get(..usize::from(length)).unwrap_or_default();
        self.record(types::FIELD, &[&[length], key, value]);
    }

    /// The native stack, innermost first; stops and flags where the buffer is full. Returns how many were written.
    pub fn frames(&mut self, frames: impl IntoIterator<Item = Frame>) -> usize {
        let mut frames = frames.into_iter().peekable();
        if frames.peek().is_none() {
            return 0;
        }
        if self.room() < RECORD_HEAD {
            self.flag(flags::FRAMES_CUT);
            return 0;
        }
        let head = self.len;
        self.put(&[types::FRAMES, 0, 0]);
        let mut written = 0usize;
        for frame in frames {
            let (bytes, used) = leb128(frame.offset);
            if used.saturating_add(1) > self.room() || written >= crate::MAX_FRAMES {
                self.flag(flags::FRAMES_CUT);
                break;
            }
            self.put(&[frame.module]);
            self.put(bytes.get(..used).unwrap_or_default());
            written = written.saturating_add(1);
        }
        let payload = self.len.saturating_sub(head).saturating_sub(RECORD_HEAD);
        let [low, high] = u16::try_from(payload).unwrap_or(0).to_le_bytes();
        if let Some([_, first, second]) = self.buf.get_mut(head..).and_then(|tail| tail.first_chunk_mut()) {
            *first = low;
            *second = high;
        }
        written
    }

    /// Ends the event: writes the header in front and returns the event's length.
    #[must_use]
    pub fn finish(self) -> usize {
        let total = u16::try_from(self.len).unwrap_or(u16::MAX);
        copy(self.buf, &self.header.to_bytes(total));
        self.len
    }
}

/// Copies as much as fits and says how much that was. Written so that the compiler sees that the
/// lengths agree: no path to a panic is left in the shim.
fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// The LEB128 form of a number and its length.
fn leb128(mut number: u64) -> ([u8; LEB128_MAX], usize) {
    let mut out = [0u8; LEB128_MAX];
    let mut used = 0usize;
    for slot in &mut out {
        used = used.saturating_add(1);
        let bits = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            *slot = bits;
            break;
        }
        *slot = bits | 0x80;
    }
    (out, used)
}
