//! The fixed part of every binary event. The layout is drawn in the crate's documentation.

use crate::error::Error;
use crate::vocabulary::Kind;

/// First bytes of every binary event.
pub const MAGIC: [u8; 4] = *b"ALV1";

/// Bump when an old reader would misread a new event; see the list in the crate's documentation.
pub const MAJOR: u8 = 1;

/// Length of the header that this version writes, in bytes. Readers accept longer ones.
pub const LEN: usize = 56;

/// Bits of [`Header::flags`].
pub mod flags {
    /// Native frames were left out because the datagram was full.
    pub const FRAMES_CUT: u16 = 1;
    /// The path is the caller's own words joined to the working directory: /proc was not there.
    pub const PATH_UNRESOLVED: u16 = 1 << 1;
    /// The process found itself to be the heir of a root that daemonised away. The lineage is its old
    /// one, up to its last link's role: what processes of that role told was start-up, and below it
    /// begins a new main process. Only on [`crate::Kind::Fork`].
    pub const REBASED: u16 = 1 << 2;
    /// Seen at a later hook: the load happened at an unknown moment before `monotonic_nanos`.
    pub const SEEN_LATER: u16 = 1 << 3;
    /// No shared tree page: `sequence` counts this process only.
    pub const NO_TREE: u16 = 1 << 4;
    /// A record other than the frames was left out or cut because the datagram was full.
    pub const RECORD_CUT: u16 = 1 << 5;
}

/// Who speaks and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What is told; `Err` holds a kind that this reader does not know.
    pub kind: Result<Kind, u8>,
    /// Bits of [`flags`].
    pub flags: u16,
    /// The process that speaks.
    pub pid: u32,
    /// Its parent when it spoke.
    pub ppid: u32,
    /// Pid of the exec'ed image at the top of the tree.
    pub root_pid: u32,
    /// When that image's constructor ran, microseconds since 1970. With `root_pid` it names the tree.
    pub root_start_micros: u64,
    /// Number of this event among those that the tree's processes composed, from 1. An event that was
    /// composed and could not be sent leaves a gap; one that was only counted has no number.
    pub sequence: u64,
    /// `CLOCK_MONOTONIC` when it spoke, in nanoseconds.
    pub monotonic_nanos: u64,
    /// Number of the process within the tree; the root is 0. Never re-used, unlike a pid.
    pub node: u32,
    /// Forks between the root and this process.
    pub depth: u16,
}

/// A decoded header with the two lengths that lead to the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed {
    pub(crate) header: Header,
    pub(crate) header_len: usize,
    pub(crate) total_len: usize,
}

/// Reads `N` bytes at `at`.
#[inline]
fn bytes<const N: usize>(buf: &[u8], at: usize) -> Result<[u8; N], Error> {
    let end = at.checked_add(N).ok_or(Error::Truncated)?;
    buf.get(at..end).and_then(|s| s.try_into().ok()).ok_or(Error::Truncated)
}

impl Header {
    /// The header as it stands on the wire, for an event of `total_len` bytes.
    ///
    /// An unknown kind is written back as the byte it was read as.
    #[must_use]
    pub fn to_bytes(&self, total_len: u16) -> [u8; LEN] {
        let mut out = [0u8; LEN];
        let mut rest = &mut out[..];
        let mut put = |field: &[u8]| {
            if let Some((head, tail)) = core::mem::take(&mut rest).split_at_mut_checked(field.len()) {
                head.copy_from_slice(field);
                rest = tail;
            }
        };
        put(&MAGIC);
        put(&[MAJOR, self.kind.map_or_else(|byte| byte, Kind::byte)]);
        #[expect(clippy::cast_possible_truncation, reason = "56 fits in two bytes")]
        put(&(LEN as u16).to_le_bytes());
        put(&total_len.to_le_bytes());
        put(&self.flags.to_le_bytes());
        put(&self.pid.to_le_bytes());
        put(&self.ppid.to_le_bytes());
        put(&self.root_pid.to_le_bytes());
        put(&self.root_start_micros.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.monotonic_nanos.to_le_bytes());
        put(&self.node.to_le_bytes());
        put(&self.depth.to_le_bytes());
        out
    }

    /// Reads the header at the beginning of `buf`.
    #[inline]
    pub(crate) fn read(buf: &[u8]) -> Result<Framed, Error> {
        let magic = buf.get(..MAGIC.len()).ok_or(Error::Truncated)?;
        if magic != MAGIC {
            return Err(Error::UnknownMagic);
        }
        let [major, kind] = bytes(buf, 4)?;
        if major != MAJOR {
            return Err(Error::UnsupportedVersion(major));
        }
        let header_len = usize::from(u16::from_le_bytes(bytes(buf, 6)?));
        let total_len = usize::from(u16::from_le_bytes(bytes(buf, 8)?));
        if header_len < LEN || total_len < header_len {
            return Err(Error::Malformed);
        }
        if buf.len() < total_len {
            return Err(Error::Truncated);
        }
        let header = Self {
            kind: Kind::from_byte(kind).ok_or(kind),
            flags: u16::from_le_bytes(bytes(buf, 10)?),
            pid: u32::from_le_bytes(bytes(buf, 12)?),
            ppid: u32::from_le_bytes(bytes(buf, 16)?),
            root_pid: u32::from_le_bytes(bytes(buf, 20)?),
            root_start_micros: u64::from_le_bytes(bytes(buf, 24)?),
            sequence: u64::from_le_bytes(bytes(buf, 32)?),
            monotonic_nanos: u64::from_le_bytes(bytes(buf, 40)?),
            node: u32::from_le_bytes(bytes(buf, 48)?),
            depth: u16::from_le_bytes(bytes(buf, 52)?),
        };
        Ok(Framed { header, header_len, total_len })
    }
}
