//! Why a process cannot be read, in words that say what to do.

/// Why a process, or a part of what it tells, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unread {
    /// There is no such process, or it ended meanwhile; one that nobody has waited for yet has ended too.
    #[error("it has ended")]
    Ended,
    /// A thread of the kernel.
    #[error("it is a thread of the kernel and has no memory of its own")]
    Kernel,
    /// It is there, and /proc does not show it.
    #[error("/proc is mounted with hidepid, which hides it: run alive as root, or as the user it belongs to")]
    Hidden,
    /// Another user's.
    #[error("it belongs to user {uid}: run alive as root, or as that user")]
    OtherUser {
        /// Its effective user.
        uid: u32,
    },
    /// It changed its user, or executed a file that it may not read, or asked for it: the kernel then opens it
    /// to nobody but who has `CAP_SYS_PTRACE`.
    #[error(
        "the kernel closes it to its own user {uid}, as it does to a daemon that changed its user: run alive as root"
    )]
    Closed {
        /// Its effective user.
        uid: u32,
    },
    /// This process is root and may not look all the same.
    #[error(
        "root may not look into it here, because the capability CAP_SYS_PTRACE is missing, as in a container: \
         run alive outside, or grant that capability"
    )]
    Capability,
    /// Something else went wrong.
    #[error("/proc/{pid}/{file} cannot be read: {words}")]
    Failed {
        /// The process.
        pid: u32,
        /// The file in its folder.
        file: &'static str,
        /// What the system said.
        words: String,
    },
}

impl Unread {
    /// Whether a right is missing that another user, root perhaps, has.
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(self, Self::Hidden | Self::OtherUser { .. } | Self::Closed { .. } | Self::Capability)
    }
}
