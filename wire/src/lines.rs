//! The stack of an interpreted language, packed: the payload of record 13.
//!
//! Files of one stack lie in few folders, so each file is told by what differs from the one before.
//! A stack of two lines of Python, `/srv/app.py` line 300 in `a` and `/srv/lib.py` line 7 outside of
//! any function, is 28 bytes:
//!
//! ```text
//! 03                                  language: Python
//! ac 02                               line 300, LEB128
//! 00                                  bytes at the beginning shared with the file before: none
//! 0b 2f 73 72 76 2f 61 70 70 2e 70 79 a rest of 11 bytes (LEB128): "/srv/app.py"
//! 01 61                               1 byte of function: "a"
//! 07                                  line 7
//! 05                                  5 bytes as before: "/srv/"
//! 06 6c 69 62 2e 70 79                a rest of 6: "lib.py"
//! 00                                  no function
//! ```
//!
//! Innermost first, so a stack that is cut lost its outermost frames. The line is 0 where it is not
//! known. The same bytes are what the shim keeps of a stack until it is told.

use crate::encode::{copy, leb128};
use crate::fields::Fields;
use crate::vocabulary::Language;

/// Most frames of one language stack.
pub const MAX_LINES: usize = 32;

/// Bytes of a file that the next one can share.
const SHAREABLE: usize = 255;

/// Writes packed frames into a buffer.
#[derive(Debug)]
pub struct LineWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
    /// Frames that may still be written.
    left: usize,
    previous: [u8; SHAREABLE],
    previous_len: usize,
    /// A frame did not fit, or one of its names was cut.
    cut: bool,
}

impl<'b> LineWriter<'b> {
    /// Begins an empty stack of at most so many frames.
    #[must_use]
    pub fn new(buf: &'b mut [u8], at_most: usize) -> Self {
        Self {
            buf,
            len: 0,
            left: at_most.min(MAX_LINES),
            previous: [0; SHAREABLE],
            previous_len: 0,
            cut: false,
        }
    }

    /// Appends a frame; call innermost first. False when there is no room for it or for any further one.
    pub fn push(&mut self, line: u32, file: &[u8], function: &[u8]) -> bool {
        let known = self.previous.get(..self.previous_len).unwrap_or_default();
        let shared = file.iter().zip(known).take_while(|(new, old)| new == old).count();
        let rest = file.get(shared..).unwrap_or_default();
        let name = function.get(..function.len().min(SHAREABLE)).unwrap_or_default();
        self.cut |= name.len() < function.len();
        let (line, line_bytes) = leb128(u64::from(line));
        let (length, length_bytes) = leb128(u64::try_from(rest.len()).unwrap_or(0));
        let head = [u8::try_from(shared).unwrap_or(0)];
        let name_length = [u8::try_from(name.len()).unwrap_or(0)];
        let parts = [
            line.get(..line_bytes).unwrap_or_default(),
            &head,
            length.get(..length_bytes).unwrap_or_default(),
            rest,
            &name_length,
            name,
        ];
        let size = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        if self.left == 0 || size > self.buf.len().saturating_sub(self.len) {
            self.cut = true;
            self.left = 0;
            return false;
        }
        for part in parts {
            if let Some(room) = self.buf.get_mut(self.len..) {
                self.len = self.len.saturating_add(copy(room, part));
            }
        }
        self.left = self.left.saturating_sub(1);
        let tail = self.previous.get_mut(shared..).unwrap_or_default();
        self.previous_len = shared.saturating_add(copy(tail, rest));
        true
    }

    /// Notes that there are frames which are not written.
    pub const fn leave_out(&mut self) {
        self.cut = true;
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something was left out.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }
}

/// One frame as it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedLine<'a> {
    /// Line, from 1; 0 when not known.
    pub line: u32,
    /// Bytes that its file shares with the file of the frame before, at the beginning.
    pub shared: usize,
    /// The rest of the file.
    pub rest: &'a [u8],
    /// Function, empty when not known.
    pub function: &'a [u8],
}

/// A packed stack, innermost frame first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanguageStack<'a> {
    /// Whose lines; `None` for a byte this reader does not know.
    pub language: Option<Language>,
    /// The frames behind the language's byte.
    pub packed: &'a [u8],
}

impl<'a> LanguageStack<'a> {
    /// No frames of no language.
    pub const NONE: Self = Self { language: None, packed: &[] };

    /// The frames; ends early where the bytes are no frame.
    #[must_use]
    pub const fn frames(&self) -> PackedLines<'a> {
        PackedLines(self.packed)
    }

    /// Length of the longest run of whole frames within `room` bytes.
    #[must_use]
    pub fn fitting(&self, room: usize) -> usize {
        let mut frames = self.frames();
        let mut fitting = 0;
        while frames.next().is_some() {
            let used = self.packed.len().saturating_sub(frames.0.len());
            if used > room {
                break;
            }
            fitting = used;
        }
        fitting
    }
}

/// Iterator over packed frames.
#[derive(Debug, Clone)]
pub struct PackedLines<'a>(&'a [u8]);

impl<'a> Iterator for PackedLines<'a> {
    type Item = PackedLine<'a>;

    fn next(&mut self) -> Option<PackedLine<'a>> {
        let mut fields = Fields(core::mem::take(&mut self.0));
        let line = u32::try_from(fields.leb128().ok()?).ok()?;
        let shared = usize::from(fields.u8().ok()?);
        let length = usize::try_from(fields.leb128().ok()?).ok()?;
        let rest = fields.take(length).ok()?;
        let length = usize::from(fields.u8().ok()?);
        let function = fields.take(length).ok()?;
        self.0 = fields.0;
        Some(PackedLine { line, shared, rest, function })
    }
}
