//! A datagram socket in the file system. The kernel says who sent each datagram, so what is claimed can be checked.
//!
//! Its queue is short (`net.unix.max_dgram_qlen`, often 10 datagrams) and it drops nothing: a sender that does not
//! wait is told that there is no room.

use std::fs::{self, Permissions};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use alive_wire::MAX_ACCEPTED;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, UnixCredentials, bind,
    recvmsg, setsockopt, socket,
};
use nix::sys::stat::{Mode, fchmod};

use crate::confirm::Sender;
use crate::socket::{BATCH, Received};

/// Why a socket cannot be put at a path. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Somebody listens there.
    #[error("another program listens there: see who with `ss -xlp`, or name another path with --unix")]
    Taken,
    /// Something else is there.
    #[error("what is there is no socket: move it away, or name another path with --unix")]
    NoSocket,
    /// The kernel takes no such path.
    #[error("a socket's path has at most 107 bytes: name a shorter one with --unix")]
    TooLong,
    /// Its folder is not there.
    #[error("its folder does not exist: make it, or name another path with --unix")]
    NoFolder,
    /// Whatever else the system said.
    #[error("{0}: name another path with --unix")]
    System(#[from] io::Error),
}

impl From<Errno> for LocalError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::EADDRINUSE => Self::Taken,
            Errno::ENAMETOOLONG => Self::TooLong,
            Errno::ENOENT => Self::NoFolder,
            other => Self::System(other.into()),
        }
    }
}

/// A listening socket in the file system.
#[derive(Debug)]
pub(crate) struct LocalSocket {
    socket: UnixDatagram,
    path: PathBuf,
    /// The file that was made for it, by device and inode; `None` where somebody else made it.
    made: Option<(u64, u64)>,
}

impl LocalSocket {
    /// Listens at a path. What is left there of a collector that was killed is replaced.
    pub(crate) fn bind(path: &Path, mode: u32) -> Result<Self, LocalError> {
        let address = UnixAddr::new(path)?;
        let unbound = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        setsockopt(&unbound, PassCred, &true)?;
        // The file gets the mode of the socket, less the umask: at no moment may others do more with it.
        fchmod(&unbound, Mode::from_bits_truncate(mode))?;
        match bind(unbound.as_raw_fd(), &address) {
            Err(Errno::EADDRINUSE) => {
                remove_stale(path)?;
                bind(unbound.as_raw_fd(), &address)?;
            }
            bound => bound?,
        }
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        let made = fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))?;
        Ok(Self { socket: unbound.into(), path: path.to_owned(), made: Some(made) })
    }

    /// Takes over a socket whose other holder keeps it when the collector ends.
    pub(crate) fn adopt(socket: UnixDatagram) -> io::Result<Self> {
        setsockopt(&socket, PassCred, &true)?;
        let path = socket.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
        Ok(Self { socket, path, made: None })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Receives what is there, at most [`BATCH`] datagrams, and hands each to `each` with who sent it, where the
    /// kernel knows. Never waits.
    pub(crate) fn receive(&self, mut each: impl FnMut(Received<'_>, Option<Sender>)) -> io::Result<usize> {
        let mut slot = [0; MAX_ACCEPTED];
        // Room for this alone, and it comes first: descriptors that a sender adds are not let in.
        let mut control = cmsg_space!(UnixCredentials);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        for count in 0..BATCH {
            let mut vectors = [IoSliceMut::new(&mut slot)];
            let message =
                match recvmsg::<UnixAddr>(self.socket.as_raw_fd(), &mut vectors, Some(&mut control), flags) {
                    Ok(message) => message,
                    Err(Errno::EAGAIN | Errno::EINTR) => return Ok(count),
                    Err(error) => return Err(error.into()),
                };
            let sender = message.cmsgs().ok().and_then(|mut told| told.find_map(sender));
            let (bytes, whole) = (message.bytes, !message.flags.contains(MsgFlags::MSG_TRUNC));
            each(if whole { Received::Whole(&slot[..bytes]) } else { Received::Truncated }, sender);
        }
        Ok(BATCH)
    }
}

/// Who sent a datagram. A process that this one cannot see, in another namespace, has the pid 0 here.
fn sender(told: ControlMessageOwned) -> Option<Sender> {
    let ControlMessageOwned::ScmCredentials(told) = told else { return None };
    let pid = u32::try_from(told.pid()).ok().filter(|pid| *pid > 0)?;
    Some(Sender { pid, uid: told.uid() })
}

/// Removes a socket that nobody listens to.
fn remove_stale(path: &Path) -> Result<(), LocalError> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(LocalError::NoSocket);
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        Ok(()) | Err(_) => Err(LocalError::Taken),
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        // Another collector may have put its own there.
        if self.made.is_some() && now == self.made {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsFd for LocalSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::process;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_kernel_says_who_sent_what() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listening = LocalSocket::bind(&path, 0o660).unwrap();
        assert_eq!(mode(&path), 0o660);
        let sending = UnixDatagram::unbound().unwrap();
        sending.send_to(b"one", &path).unwrap();
        sending.send_to(&[7; MAX_ACCEPTED + 1], &path).unwrap();
        let mut heard = Vec::new();
        let count = listening.receive(|received, sender| {
            let whole = matches!(received, Received::Whole(b"one"));
            heard.push((whole, sender.map(|sender| sender.pid)));
        });
        assert_eq!(count.unwrap(), 2);
        assert_eq!(heard, [(true, Some(process::id())), (false, Some(process::id()))]);
        assert_eq!(listening.receive(|_, _| panic!("there is no third")).unwrap(), 0);
    }

    #[test]
    fn the_file_is_gone_when_the_socket_is_and_anothers_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(LocalSocket::bind(&path, 0o600).unwrap());
        assert!(!path.exists());
        let first = LocalSocket::bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let second = LocalSocket::bind(&path, 0o600).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }

    #[test]
    fn what_a_killed_collector_left_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        // A socket that is closed leaves its file.
        drop(UnixDatagram::bind(&path).unwrap());
        drop(LocalSocket::bind(&path, 0o600).unwrap());

        let listening = UnixDatagram::bind(&path).unwrap();
        assert!(matches!(LocalSocket::bind(&path, 0o600), Err(LocalError::Taken)));
        drop(listening);
        fs::remove_file(&path).unwrap();
        let stream = UnixListener::bind(&path).unwrap();
        assert!(matches!(LocalSocket::bind(&path, 0o600), Err(LocalError::Taken)));
        drop(stream);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "words").unwrap();
        assert!(matches!(LocalSocket::bind(&path, 0o600), Err(LocalError::NoSocket)));
        assert_eq!(fs::read(&path).unwrap(), b"words");
        let long = folder.path().join("x".repeat(200));
        assert!(matches!(LocalSocket::bind(&long, 0o600), Err(LocalError::TooLong)));
        assert!(matches!(LocalSocket::bind(Path::new("/no/such/s"), 0o600), Err(LocalError::NoFolder)));
    }
}
