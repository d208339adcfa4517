//! Where something happened: trees, places in code, and stacks of them.

/// Names one process tree for good: the pid of the exec'ed image and when its constructor ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TreeKey {
    /// Pid of the root.
    pub pid: u32,
    /// When the root's constructor ran, microseconds since 1970.
    pub start_micros: u64,
}

/// A place in machine code: a module and an offset from its load bias.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Site {
    /// Path of the module; empty when the address lies in none.
    pub module: Vec<u8>,
    /// GNU build id of the module, empty when it has none.
    pub build_id: Vec<u8>,
    /// Return address minus load bias.
    pub offset: u64,
    /// Symbol name with displacement (`Perl_pp_require+0x1b2`), once it was looked up.
    pub symbol: Option<String>,
}

impl Site {
    /// Whether this build of a module stands for a place that another build of it has at the same offset, too: the
    /// one whose symbol is known, else the first by its id.
    pub(crate) fn is_told_rather_than(&self, other: &Self) -> bool {
        let rank = |site: &Self| (site.symbol.is_none(), site.build_id.clone(), site.symbol.clone());
        rank(self) < rank(other)
    }
}

/// A frame of an interpreted language.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LanguageFrame {
    /// Language's word on the wire (`perl`, `python`...).
    pub language: String,
    /// File as the interpreter names it.
    pub file: Vec<u8>,
    /// Line, from 1; 0 when not known.
    pub line: u32,
    /// Function, empty when not known.
    pub function: Vec<u8>,
}

/// Who asked, in the order of preference of the reader: language frames first, native ones else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Stack {
    /// Innermost first.
    pub language: Vec<LanguageFrame>,
    /// Innermost first; the shim's own frames are not in it.
    pub native: Vec<Site>,
}

/// Where a role is forked by its parent's.
///
/// The line is part of it: two lines that fork through one function of an interpreter make two roles. An event may
/// lack the line of a role whose other events have it, and the role must not become two by that. Within a tree
/// [`RoleCount::number`](super::RoleCount::number) tells: the first count of that number that has the line fills it in. Between trees a
/// role without a line is that of the only line that the program is known to fork at from this place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ForkSite {
    /// The place in machine code.
    pub site: Site,
    /// The line of the interpreted language, `None` when it was not told.
    pub line: Option<LanguageFrame>,
}

/// What the chain of forks above a process is made of. The root itself has an empty chain.
pub type RoleChain = Vec<ForkSite>;
