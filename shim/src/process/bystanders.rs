//! What a fork endangers: the threads beside the one that forks, which are gone in the child while what
//! they held stays held, and the sockets that do not listen, which the child then shares.
//!
//! Asked of /proc, so not at every fork: at the first, the second, the fourth of a role, and so on. Where
//! /proc is not there it is not known, which is not none.

use crate::cell::Bytes;
use crate::{emit, sys};
use core::ffi::{CStr, c_int};

/// Threads or descriptors that are looked at.
const MOST: u32 = 1024;

/// Threads whose names are asked for, and different names that are kept.
const ASKED: u32 = 64;
const NAMES: usize = 4;

/// Bytes of the names: the kernel's are at most 15 long, and a zero stands between two.
pub(super) const NAME_BYTES: usize = NAMES * 16;

/// Descriptors below are the standard streams, which are meant to be shared: a service manager gives a
/// daemon sockets there.
const FIRST_OWN_FD: u32 = 3;

/// What was there.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// Threads beside the calling one.
    pub(crate) threads: u32,
    /// Sockets that do not listen.
    pub(crate) sockets: u32,
    /// There are more than was looked at.
    pub(crate) at_least: bool,
    /// Different names of the threads, a zero between two.
    pub(crate) names: Bytes<NAME_BYTES>,
}

/// Whether to look before the fork that comes after `earlier` ones of its role.
pub(super) const fn wanted(earlier: u32) -> bool {
    earlier.saturating_add(1).is_power_of_two()
}

/// Looks; `None` where it cannot be known. Out of line, so that the forks that do not look stand on a
/// small frame.
#[inline(never)]
pub(super) fn look() -> Option<Seen> {
    if !emit::has_room() {
        return None;
    }
    let mut seen = Seen { threads: 0, sockets: 0, at_least: false, names: Bytes::EMPTY };
    let own = sys::gettid();
    let mut kept = 0usize;
    let all_threads = each_number(c"/proc/self/task", |tid, _| {
        if tid == own {
            return;
        }
        seen.threads = seen.threads.saturating_add(1);
        if kept < NAMES && seen.threads <= ASKED {
            let mut buf = [0u8; 32];
            let name = name_of(tid, &mut buf);
            if !name.is_empty() && seen.names.as_slice().split(|byte| *byte == 0).all(|known| known != name) {
                if kept > 0 {
                    seen.names.push(&[0]);
                }
                seen.names.push(name);
                kept = kept.saturating_add(1);
            }
        }
    })?;
    let all_descriptors = each_number(c"/proc/self/fd", |number, folder| {
        let Ok(fd) = c_int::try_from(number) else { return };
        if number >= FIRST_OWN_FD && fd != folder && sys::listens(fd) == Some(false) {
            seen.sockets = seen.sockets.saturating_add(1);
        }
    })?;
    seen.at_least = !(all_threads && all_descriptors);
    Some(seen)
}

/// Hands each number that a folder of /proc lists to `each`, with the folder's own descriptor. False when
/// there were more than [`MOST`].
fn each_number(folder: &CStr, mut each: impl FnMut(u32, c_int)) -> Option<bool> {
    let fd = sys::open_folder(folder)?;
    let mut buf = [0u8; 2048];
    let mut left = MOST;
    let whole = loop {
        let Some(entries) = sys::entries(fd, &mut buf) else { break None };
        if entries.is_empty() {
            break Some(true);
        }
        for number in numbers(entries) {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(1);
            each(number, fd);
        }
        if left == 0 {
            break Some(false);
        }
    };
    sys::close(fd);
    whole
}

/// The names in the kernel's entries that are numbers.
fn numbers(mut entries: &[u8]) -> impl Iterator<Item = u32> {
    /// Bytes before the length of an entry, and before its name.
    const LENGTH_AT: usize = 16;
    const NAME_AT: usize = 19;
    core::iter::from_fn(move || {
        loop {
            let length: &[u8; 2] = entries.get(LENGTH_AT..)?.first_chunk()?;
            let length = usize::from(u16::from_ne_bytes(*length));
            let name = entries.get(NAME_AT..length)?;
            entries = entries.get(length..)?;
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            let number = name.get(..end).and_then(|name| core::str::from_utf8(name).ok()?.parse().ok());
            if number.is_some() {
                return number;
            }
        }
    })
}

/// What a thread of this process is called; empty when it has gone.
fn name_of(tid: u32, buf: &mut [u8; 32]) -> &[u8] {
    let mut path = Bytes::<48>::of(b"/proc/self/task/");
    let mut digits = [0u8; 10];
    path.push(decimal(tid, &mut digits));
    path.push(b"/comm\0");
    let Ok(path) = CStr::from_bytes_with_nul(path.as_slice()) else { return &[] };
    let Some(fd) = sys::open_read(path) else { return &[] };
    let name = sys::read(fd, buf);
    sys::close(fd);
    name.strip_suffix(b"\n").unwrap_or(name)
}

/// A number's digits.
fn decimal(mut number: u32, buf: &mut [u8; 10]) -> &[u8] {
    let mut begin = buf.len();
    for (at, slot) in buf.iter_mut().enumerate().rev() {
        *slot = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or(0));
        begin = at;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buf.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;

    fn entry(name: &str) -> Vec<u8> {
        let length = (19 + name.len() + 1).next_multiple_of(8);
        let mut entry = [&[0; 16][..], &u16::try_from(length).unwrap().to_ne_bytes(), &[0]].concat();
        entry.extend(name.as_bytes());
        entry.resize(length, 0);
        entry
    }

    #[test]
    fn only_numbers_are_taken_and_a_torn_entry_ends_the_list() {
        let whole = [entry("."), entry(".."), entry("7"), entry("4294967295"), entry("99999999999")].concat();
        assert!(numbers(&whole).eq([7, u32::MAX]));
        for cut in 0..whole.len() {
            assert!(numbers(whole.get(..cut).unwrap()).count() <= 2);
        }
        assert_eq!(numbers(&[0; 64]).count(), 0, "an entry of no length ends it, too");
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for number in [0, 9, 10, 4242, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn it_is_looked_at_seldom() {
        let at: Vec<u32> = (0..20).filter(|earlier| wanted(*earlier)).map(|earlier| earlier + 1).collect();
        assert_eq!(at, [1, 2, 4, 8, 16]);
        assert!(!wanted(u32::MAX));
    }

    #[test]
    fn a_socket_listens_or_not_and_a_file_is_none() {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/proc/self/comm").unwrap();
        assert_eq!(sys::listens(listening.as_raw_fd()), Some(true));
        assert_eq!(sys::listens(other.as_raw_fd()), Some(false));
        assert_eq!(sys::listens(file.as_raw_fd()), None);
        assert_eq!(sys::listens(-1), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_an_empty_one() {
        assert_eq!(each_number(c"/proc/self/no-such-folder", |_, _| ()), None);
        let empty = std::env::temp_dir().join(format!("postfork-{}", std::process::id()));
        std::fs::create_dir_all(&empty).unwrap();
        let path = CString::new(empty.as_os_str().as_encoded_bytes()).unwrap();
        let mut seen = 0;
        assert_eq!(each_number(&path, |_, _| seen += 1), Some(true));
        std::fs::remove_dir(&empty).unwrap();
        assert_eq!(seen, 0);
    }

    #[test]
    fn another_thread_and_its_name_are_seen() {
        let (end, waits) = std::sync::mpsc::channel::<()>();
        let (started, begun) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("stands-by".into());
        let thread = thread
            .spawn(move || {
                started.send(()).unwrap();
                _ = waits.recv();
            })
            .unwrap();
        begun.recv().unwrap();
        let seen = look().unwrap();
        assert!(seen.threads >= 1);
        drop(end);
        thread.join().unwrap();
    }
}
