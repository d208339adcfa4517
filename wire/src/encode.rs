//! From an event to bytes, into the caller's buffer: no allocation, no panic, never too long.
//!
//! What does not fit is left out and flagged: native frames with
//! [`flags::FRAMES_CUT`], anything else with [`flags::RECORD_CUT`]. So put the records that matter
//! first and the frames last.

use crate::header::{self, Header, flags};
use crate::lines::LanguageStack;
use crate::record::{Code, Frame, Lineage, Module, Usage, types};
use crate::vocabulary::{Language, NoLines};

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
    ///
    /// No event grows beyond 65,535 bytes, however long `buf` is: its length is told in two bytes.
    #[must_use]
    pub fn new(buf: &'b mut [u8], header: Header) -> Option<Self> {
        let longest = buf.len().min(usize::from(u16::MAX));
        let buf = buf.get_mut(..longest)?;
        if buf.len() < header::LEN {
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

    /// A string whose length is told in one byte, cut and flagged when it is longer.
    fn short<'a>(&mut self, bytes: &'a [u8]) -> (u8, &'a [u8]) {
        match u8::try_from(bytes.len()) {
            Ok(length) => (length, bytes),
            Err(_) => {
                self.flag(flags::RECORD_CUT);
                (u8::MAX, bytes.get(..usize::from(u8::MAX)).unwrap_or_default())
            }
        }
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

    /// What the loading thread has used; the faults alone where it is not known which thread it is.
    pub fn usage(&mut self, usage: Usage) {
        let faults = usage.faults.to_le_bytes();
        let (thread, cpu_nanos) = (usage.thread.to_le_bytes(), usage.cpu_nanos.to_le_bytes());
        let told: [&[u8]; 3] = [&faults, &thread, &cpu_nanos];
        self.record(types::USAGE, if usage.thread == 0 { &told[..1] } else { &told });
    }

    /// What was loaded. A word that is `None` is written as 0.
    pub fn code(&mut self, code: Code) {
        let bytes = [
            code.kind.map_or(0, crate::CodeKind::byte),
            language_byte(code.language),
            code.outcome.map_or(0, crate::Outcome::byte),
            code.via.map_or(0, crate::Via::byte),
        ];
        self.record(types::CODE, &[&bytes]);
    }

    /// One fork of the ancestry; call outermost first.
    pub fn lineage(&mut self, link: &Lineage<'_>) {
        let line = link.line.packed;
        let language = [language_byte(link.line.language)];
        self.record(
            types::LINEAGE,
            &[
                &link.role.to_le_bytes(),
                &link.forks.to_le_bytes(),
                &link.ordinal.to_le_bytes(),
                &link.forker_pid.to_le_bytes(),
                &[link.module],
                &link.offset.to_le_bytes(),
                &link.fork_nanos.to_le_bytes(),
                &link.resident_kib.to_le_bytes(),
                if line.is_empty() { &[] } else { &language },
                line,
            ],
        );
    }

    /// The next module; a build id longer than 255 bytes is cut and flagged. False when it did not fit.
    pub fn module(&mut self, module: &Module<'_>) -> bool {
        let (length, build_id) = self.short(module.build_id);
        self.record(types::MODULE, &[&[length], build_id, module.path])
    }

    /// The stack of the interpreted language: as many of its innermost frames as fit into `room` bytes
    /// and into the event, else flagged.
    pub fn language_stack(&mut self, stack: &LanguageStack<'_>, room: usize) {
        let left = self.room().saturating_sub(RECORD_HEAD).saturating_sub(1);
        let fitting = stack.fitting(room.min(left));
        if fitting < stack.packed.len() {
            self.flag(flags::FRAMES_CUT);
        }
        if fitting > 0 {
            let packed = stack.packed.get(..fitting).unwrap_or_default();
            self.record(types::LANGUAGE_STACK, &[&[language_byte(stack.language)], packed]);
        }
    }

    /// An interpreter of the process, and why its lines are not read, if they are not.
    pub fn interpreter(&mut self, language: Language, no_lines: Option<NoLines>, version: &[u8]) {
        let no_lines = no_lines.map_or(0, NoLines::byte);
        self.record(types::INTERPRETER, &[&[language.byte(), no_lines], version]);
    }

    /// Events of the tree that were counted instead of sent. `reason` is a [`crate::record::Reason`]'s byte.
    pub fn not_sent(&mut self, reason: u8, count: u64) {
        self.record(types::NOT_SENT, &[&[reason], &count.to_le_bytes()]);
    }

    /// Probes of a search that found nothing.
    pub fn search(&mut self, probes: u32) {
        self.record(types::SEARCH, &[&probes.to_le_bytes()]);
    }

    /// A key and value of a ping; a key longer than 255 bytes is cut and flagged.
    pub fn field(&mut self, key: &[u8], value: &[u8]) {
        let (length, key) = self.short(key);
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
pub(crate) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// The byte of a language; 0 for none.
fn language_byte(language: Option<Language>) -> u8 {
    language.map_or(0, Language::byte)
}

/// The LEB128 form of a number and its length.
pub(crate) fn leb128(mut number: u64) -> ([u8; LEB128_MAX], usize) {
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

#[cfg(test)]
mod tests {
    use super::leb128;

    #[test]
    fn leb128_takes_a_byte_for_each_seven_bits() {
        for (number, encoded) in [
            (0, &[0][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x01]),
            (0x3fff, &[0xff, 0x7f]),
            (0x4000, &[0x80, 0x80, 0x01]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            let (bytes, used) = leb128(number);
            assert_eq!(bytes.get(..used), Some(encoded), "{number:#x}");
        }
    }
}
