//! The line within a statement: Perl leaves out the statement inside of a block that has only one, so
//! that `if (...) {` is the last one it noted while it runs the line below.
//!
//! What is left out stays behind in the tree of operations, with its line. As Perl does for its messages
//! and for `caller`, the tree of the statement is searched for the operation that runs, and the last such
//! remainder on the way there counts.

use crate::stack::lang::memory::Memory;
use alive_wire::NoLines;

// Of an operation, the same in all versions that are known.
const OP_NEXT: usize = 0;
const OP_SIBPARENT: usize = 8;
const OP_TARG: usize = 24;
const OP_TYPE: usize = 32;
const OP_FLAGS: usize = 34;
const OP_FIRST: usize = 40;

const TYPE: u16 = 0x1ff;
/// Another operation follows under the same parent.
const MORESIB: u16 = 1 << 14;
const KIDS: u8 = 4;

/// Type of what was left out.
const OP_NULL: u16 = 0;
/// From a statement's type to that of a block without a scope of its own.
const TO_SCOPE: u16 = 5;

/// Operations of one statement, and levels, that are looked at.
const OPERATIONS: usize = 256;
const LEVELS: usize = 24;

/// What is searched for.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    /// This one, which runs.
    Running(usize),
    /// The one that this one follows: a call that has not returned yet.
    Before(usize),
}

/// The statement, or what was left out of it, whose line is nearest; where it is not found soon, the
/// statement itself.
///
/// # Errors
/// [`NoLines::Unexpected`] where something is not as it should be.
pub(super) fn closest(memory: &Memory, statement: usize, wanted: Operation) -> Result<usize, NoLines> {
    let (Operation::Running(operation) | Operation::Before(operation)) = wanted;
    let kind = kind(memory, statement)?;
    let Some(tree) = sibling(memory, statement)?.filter(|_| operation != 0) else { return Ok(statement) };
    let mut search = Search { memory, wanted, statement_type: kind & TYPE, left: OPERATIONS };
    Ok(search.below(statement, tree, LEVELS)?.unwrap_or(statement))
}

struct Search<'m> {
    memory: &'m Memory,
    wanted: Operation,
    statement_type: u16,
    left: usize,
}

impl Search<'_> {
    /// The nearest statement to what is wanted, if that is in a tree; `nearest` is so before the tree.
    fn below(&mut self, mut nearest: usize, tree: usize, levels: usize) -> Result<Option<usize>, NoLines> {
        if self.is_wanted(tree)? {
            return Ok(Some(nearest));
        }
        let Some(levels) = levels.checked_sub(1) else { return Ok(None) };
        if self.memory.byte(tree.wrapping_add(OP_FLAGS))? & KIDS == 0 {
            return Ok(None);
        }
        let mut next = Some(self.memory.word(tree.wrapping_add(OP_FIRST))?).filter(|first| *first != 0);
        while let Some(kid) = next {
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.left = left;
            if kind(self.memory, kid)? & TYPE == OP_NULL
                && self.memory.word(kid.wrapping_add(OP_TARG))? == usize::from(self.statement_type)
            {
                nearest = kid;
            }
            if let Some(found) = self.below(nearest, kid, levels)? {
                return Ok(Some(found));
            }
            next = sibling(self.memory, kid)?;
        }
        Ok(None)
    }

    fn is_wanted(&self, operation: usize) -> Result<bool, NoLines> {
        match self.wanted {
            Operation::Running(wanted) => Ok(operation == wanted),
            Operation::Before(next) => Ok(self.memory.word(operation.wrapping_add(OP_NEXT))? == next
                && kind(self.memory, operation)? & TYPE != self.statement_type.wrapping_add(TO_SCOPE)),
        }
    }
}

fn kind(memory: &Memory, operation: usize) -> Result<u16, NoLines> {
    memory.short(operation.wrapping_add(OP_TYPE))
}

fn sibling(memory: &Memory, operation: usize) -> Result<Option<usize>, NoLines> {
    if kind(memory, operation)? & MORESIB == 0 {
        return Ok(None);
    }
    Ok(Some(memory.word(operation.wrapping_add(OP_SIBPARENT))?).filter(|sibling| *sibling != 0))
}
