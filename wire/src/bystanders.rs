//! What a fork endangers: the threads that are gone in the child, and the sockets that it shares.

/// Bit of [`Bystanders::bits`]: there were more than are looked at, so the numbers are floors.
pub const AT_LEAST: u8 = 1;

/// What was in the forker beside the thread that forked into a role: the threads are gone in the child, and
/// the sockets are shared with it. Looked at at some of the forks only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bystanders<'a> {
    /// Number of the role in the tree.
    pub role: u16,
    /// Threads beside the one that forked, when it was looked at last.
    pub threads: u32,
    /// Sockets that did not listen, without those on the standard streams, when it was looked at last.
    pub sockets: u32,
    /// Bits: [`AT_LEAST`].
    pub bits: u8,
    /// Most threads seen.
    pub most_threads: u32,
    /// Most sockets seen.
    pub most_sockets: u32,
    /// What some of the threads are called, a zero between two names; empty when not told.
    pub names: &'a [u8],
}

impl<'a> Bystanders<'a> {
    /// The names of threads one by one.
    pub fn thread_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.names.split(|byte| *byte == 0).filter(|name| !name.is_empty())
    }
}
