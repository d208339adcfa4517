//! The sockets that a collector listens on, and what is refused.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;

use nix::errno::Errno;

use crate::local::LocalSocket;
use crate::options::{LocalOptions, Options, usual_addresses};
use crate::socket::Socket;
use crate::start::StartError;

/// Listens on every address that was asked for, and takes over what was handed over; the sockets and where they are.
pub(crate) fn listen(
    options: &Options,
    inherited: Vec<UdpSocket>,
) -> Result<(Vec<Socket>, Vec<SocketAddr>), StartError> {
    if let Some(&address) = options.listen.iter().find(|address| !address.ip().is_loopback())
        && !options.listen_public
    {
        return Err(StartError::Public { address });
    }
    let mut sockets = Vec::new();
    let mut addresses = Vec::new();
    // Nobody who did not ask for IPv6 needs to have it.
    let may_lack_v6 = options.listen == usual_addresses();
    for &address in &options.listen {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken { address },
            _ => StartError::Listen { address, source },
        };
        let socket = match Socket::bind(address) {
            Err(error) if may_lack_v6 && address.is_ipv6() && is_no_such_address(&error) => continue,
            bound => bound.map_err(failed)?,
        };
        addresses.push(enlarge(&socket, options).map_err(failed)?);
        sockets.push(socket);
    }
    for socket in inherited {
        let failed = |source| StartError::Inherited { source };
        let socket = Socket::adopt(socket).map_err(failed)?;
        addresses.push(enlarge(&socket, options).map_err(failed)?);
        sockets.push(socket);
    }
    Ok((sockets, addresses))
}

/// Listens in the file system, and takes over what was handed over.
pub(crate) fn listen_locally(
    options: &Options,
    inherited: Vec<UnixDatagram>,
) -> Result<Vec<LocalSocket>, StartError> {
    let mut sockets = Vec::new();
    if let Some(LocalOptions { path, mode }) = &options.local {
        let socket = LocalSocket::bind(path, *mode)
            .map_err(|source| StartError::Local { path: path.clone(), source })?;
        sockets.push(socket);
    }
    for socket in inherited {
        sockets.push(LocalSocket::adopt(socket).map_err(|source| StartError::Inherited { source })?);
    }
    Ok(sockets)
}

/// Whether this host has no address like the one that was to be bound.
fn is_no_such_address(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT)
    )
}

/// Asks for the buffer that is wanted, and says so where less is got; the socket's address.
fn enlarge(socket: &Socket, options: &Options) -> io::Result<SocketAddr> {
    let address = socket.address()?;
    let got = socket.grow_buffer(options.receive_buffer)?;
    if got < options.receive_buffer {
        tracing::warn!(
            "the receive buffer of {address} is {got} bytes instead of {wanted}, so bursts may be lost: \
                 raise the limit with `sysctl -w net.core.rmem_max={wanted}`",
            wanted = options.receive_buffer,
        );
    }
    Ok(address)
}
