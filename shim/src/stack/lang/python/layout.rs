//! Where things are in the interpreter's structures: by the headers of each version, as compiled
//! for a machine of 64 bits. A minor version keeps its layout from the first release candidate on.

use super::super::memory::Memory;
use alive_wire::NoLines;

/// The type in every object; the count stands before it.
pub(super) const OBJECT_TYPE: usize = 8;

/// Offsets in bytes, and the addresses of two types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) state_frame: InState,
    pub(super) frame_back: usize,
    pub(super) frame_code: usize,
    /// Who owns the memory of a frame; frames that are objects of their own have no such field.
    pub(super) frame_owner: Option<usize>,
    pub(super) position: Position,
    /// Bits of a reference to code that are no part of its address.
    pub(super) tags: usize,
    pub(super) code_file: usize,
    pub(super) code_name: usize,
    pub(super) code_first_line: usize,
    pub(super) code_lines: usize,
    pub(super) table: Table,
    /// Size of what stands before the characters of a string of ASCII, and of any other.
    pub(super) ascii_head: usize,
    pub(super) text_head: usize,
    pub(super) sizes: Sizes,
    /// Address of the type of code.
    pub(super) code_type: usize,
    /// Address of the type of strings.
    pub(super) text_type: usize,
}

/// Where a thread state has its innermost frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InState {
    /// In the state itself.
    At(usize),
    /// In a record that the state points to, at the second offset.
    Behind(usize, usize),
}

/// How a frame tells which instruction it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// A 32-bit number, of units of so many bytes.
    Number { at: usize, unit: u32 },
    /// A pointer into the instructions, which stand in the code at this offset.
    Pointer { at: usize, instructions: usize },
}

/// Form of the table from instructions to lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Pairs: bytes of instructions, lines to go on before what follows them.
    Before310,
    /// Pairs: bytes of instructions, lines to go on before themselves (PEP 626).
    Of310,
    /// Entries of one to many bytes, with columns (PEP 657).
    Since311,
}

/// Sizes of objects, as their types tell them: together they differ between any two layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) frame: usize,
    pub(super) code: usize,
    pub(super) text: usize,
}

/// Where a type has the size of its objects.
const TYPE_SIZE: usize = 32;

impl Sizes {
    /// Whether the types at these addresses have objects of these sizes.
    pub(super) fn agree(&self, memory: &Memory, frame: usize, code: usize, text: usize) -> bool {
        [(frame, self.frame), (code, self.code), (text, self.text)]
            .into_iter()
            .all(|(address, size)| memory.word(address.wrapping_add(TYPE_SIZE)) == Ok(size))
    }
}

impl Layout {
    /// The innermost frame of a thread; 0 when it has none.
    pub(super) fn innermost(&self, memory: &Memory, state: usize) -> Result<usize, NoLines> {
        match self.state_frame {
            InState::At(at) => memory.word(state.wrapping_add(at)),
            InState::Behind(at, further) => match memory.word(state.wrapping_add(at))? {
                0 => Ok(0),
                record => memory.word(record.wrapping_add(further)),
            },
        }
    }
}

/// The layout of a minor version of Python 3 that publishes none itself.
pub(super) fn of(minor: u8) -> Option<&'static Layout> {
    match minor {
        8 | 9 => Some(&PYTHON_3_8),
        10 => Some(&PYTHON_3_10),
        11 => Some(&PYTHON_3_11),
        12 => Some(&PYTHON_3_12),
        _ => None,
    }
}

pub(super) static PYTHON_3_8: Layout = Layout {
    state_frame: InState::At(24),
    frame_back: 24,
    frame_code: 32,
    frame_owner: None,
    position: Position::Number { at: 104, unit: 1 },
    tags: 0,
    code_file: 104,
    code_name: 112,
    code_first_line: 40,
    code_lines: 120,
    table: Table::Before310,
    ascii_head: 48,
    text_head: 72,
    sizes: Sizes { frame: 368, code: 176, text: 80 },
    code_type: 0,
    text_type: 0,
};

pub(super) static PYTHON_3_10: Layout = Layout {
    position: Position::Number { at: 96, unit: 2 },
    table: Table::Of310,
    sizes: Sizes { frame: 360, ..PYTHON_3_8.sizes },
    ..PYTHON_3_8
};

pub(super) static PYTHON_3_11: Layout = Layout {
    state_frame: InState::Behind(56, 8),
    frame_back: 48,
    frame_code: 32,
    frame_owner: Some(69),
    position: Position::Pointer { at: 56, instructions: 184 },
    code_file: 112,
    code_name: 120,
    code_first_line: 72,
    code_lines: 136,
    table: Table::Since311,
    sizes: Sizes { frame: 120, code: 184, text: 80 },
    ..PYTHON_3_8
};

pub(super) static PYTHON_3_12: Layout = Layout {
    state_frame: InState::Behind(56, 0),
    frame_back: 8,
    frame_code: 0,
    frame_owner: Some(70),
    position: Position::Pointer { at: 56, instructions: 192 },
    code_first_line: 68,
    ascii_head: 40,
    text_head: 56,
    sizes: Sizes { frame: 120, code: 192, text: 64 },
    ..PYTHON_3_11
};
