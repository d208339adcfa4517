//! The kernel, without libc: every call of the shim's own goes through here.
//!
//! No errno is touched, nothing is a cancellation point, and no other interposer sees these calls.
//! Results are the kernel's: a negative number is an errno.

use crate::arch::syscall;
use alive_wire::record::Usage;
use core::ffi::{CStr, c_int, c_void};

/// Up to six arguments as registers hold them: a negative `int` is sign-extended, as C would.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {{
        #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "registers have no sign")]
        let given = [$($argument as usize),*];
        let mut all = [0usize; 6];
        for (slot, argument) in all.iter_mut().zip(given) {
            *slot = argument;
        }
        all
    }};
}

/// This process.
pub(crate) fn getpid() -> u32 {
    // SAFETY: no pointers.
    let pid = unsafe { syscall(libc::SYS_getpid, arguments![0]) };
    u32::try_from(pid).unwrap_or(0)
}

/// Its parent; 0 when that lies outside the pid namespace.
pub(crate) fn getppid() -> u32 {
    // SAFETY: no pointers.
    let pid = unsafe { syscall(libc::SYS_getppid, arguments![0]) };
    u32::try_from(pid).unwrap_or(0)
}

/// Whether no process has this pid.
pub(crate) fn is_gone(pid: u32) -> bool {
    // SAFETY: no pointers; signal 0 only asks.
    let result = unsafe { syscall(libc::SYS_kill, arguments![pid, 0]) };
    result.checked_neg() == Some(i64::from(libc::ESRCH))
}

/// The session this process is in.
pub(crate) fn session() -> u32 {
    // SAFETY: no pointers; 0 is this process.
    let session = unsafe { syscall(libc::SYS_getsid, arguments![0]) };
    u32::try_from(session).unwrap_or(0)
}

/// Nanoseconds of a clock; 0 when it cannot be read.
pub(crate) fn clock_nanos(clock: c_int) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the kernel's write.
    unsafe { syscall(libc::SYS_clock_gettime, arguments![clock, &raw mut time]) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The calling thread.
fn gettid() -> u32 {
    // SAFETY: no pointers.
    let thread = unsafe { syscall(libc::SYS_gettid, arguments![0]) };
    u32::try_from(thread).unwrap_or(0)
}

/// What the calling thread has used since it began. Its CPU time is read off its clock: what `getrusage`
/// tells of a running thread is as old as the last tick, up to 10 ms.
pub(crate) fn thread_usage() -> Usage {
    // SAFETY: all-zero is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: `usage` is valid for the kernel's write.
    unsafe { syscall(libc::SYS_getrusage, arguments![libc::RUSAGE_THREAD, &raw mut usage]) };
    Usage {
        faults: u64::try_from(usage.ru_minflt).unwrap_or(0),
        thread: gettid(),
        cpu_nanos: clock_nanos(libc::CLOCK_THREAD_CPUTIME_ID),
    }
}

/// Opens a file for nothing but its name and size. The caller closes the descriptor.
pub(crate) fn open_path(path: &CStr) -> Option<c_int> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: `path` is a C string.
    let fd = unsafe { syscall(libc::SYS_openat, arguments![libc::AT_FDCWD, path.as_ptr(), flags, 0]) };
    c_int::try_from(fd).ok().filter(|fd| *fd >= 0)
}

/// Opens a file to read it. The caller closes the descriptor.
pub(crate) fn open_read(path: &CStr) -> Option<c_int> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: `path` is a C string.
    let fd = unsafe { syscall(libc::SYS_openat, arguments![libc::AT_FDCWD, path.as_ptr(), flags, 0]) };
    c_int::try_from(fd).ok().filter(|fd| *fd >= 0)
}

/// Closes a descriptor that the shim itself opened.
pub(crate) fn close(fd: c_int) {
    // SAFETY: no pointers; the descriptor is ours.
    unsafe { syscall(libc::SYS_close, arguments![fd]) };
}

/// Reads once into `buf`; what was read.
pub(crate) fn read(fd: c_int, buf: &mut [u8]) -> &[u8] {
    // SAFETY: `buf` is valid for writes of its length.
    let count = unsafe { syscall(libc::SYS_read, arguments![fd, buf.as_mut_ptr(), buf.len()]) };
    usize::try_from(count).ok().and_then(|count| buf.get(..count)).unwrap_or_default()
}

/// Target of a symbolic link, cut at the end of `buf`.
pub(crate) fn readlink<'b>(path: &CStr, buf: &'b mut [u8]) -> Option<&'b [u8]> {
    let arguments = arguments![libc::AT_FDCWD, path.as_ptr(), buf.as_mut_ptr(), buf.len()];
    // SAFETY: `path` is a C string and `buf` is valid for writes of its length.
    let count = unsafe { syscall(libc::SYS_readlinkat, arguments) };
    usize::try_from(count).ok().and_then(|count| buf.get(..count))
}

/// The working directory, when it can be told.
pub(crate) fn working_directory(buf: &mut [u8]) -> Option<&[u8]> {
    // SAFETY: `buf` is valid for writes of its length.
    let count = unsafe { syscall(libc::SYS_getcwd, arguments![buf.as_mut_ptr(), buf.len()]) };
    // The kernel's count includes the terminating zero.
    let length = usize::try_from(count).ok()?.checked_sub(1)?;
    buf.get(..length).filter(|path| path.first() == Some(&b'/'))
}

/// Mode and size in bytes of an open file.
pub(crate) fn mode_and_size(fd: c_int) -> Option<(libc::mode_t, u64)> {
    // SAFETY: all-zero is a valid `stat`.
    let mut stat: libc::stat64 = unsafe { core::mem::zeroed() };
    // SAFETY: `stat` is valid for the kernel's write; x86-64 and aarch64 share libc's layout with the kernel.
    let result = unsafe { syscall(libc::SYS_fstat, arguments![fd, &raw mut stat]) };
    (result == 0).then(|| (stat.st_mode, u64::try_from(stat.st_size).unwrap_or(0)))
}

/// Sends one datagram to `address` from a socket that lives for this call only.
///
/// A descriptor kept from one event to the next would be closed or taken over by daemons. Nobody
/// listening is no error: the socket is not connected.
pub(crate) fn send_datagram(address: &[u8], datagram: &[u8]) -> bool {
    let family = if address.len() == size_of::<libc::sockaddr_in>() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers.
    let fd = unsafe { syscall(libc::SYS_socket, arguments![family, kind, 0]) };
    let Some(fd) = c_int::try_from(fd).ok().filter(|fd| *fd >= 0) else { return false };
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let arguments = arguments![fd, datagram.as_ptr(), datagram.len(), flags, address.as_ptr(), address.len()];
    // SAFETY: both slices are valid for reads of their lengths.
    let sent = unsafe { syscall(libc::SYS_sendto, arguments) };
    close(fd);
    usize::try_from(sent) == Ok(datagram.len())
}

/// An anonymous mapping of zeros, private or shared with every descendant.
pub(crate) fn map_zeroed(bytes: usize, sharing: c_int) -> Option<*mut c_void> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let arguments = arguments![0, bytes, protection, sharing | libc::MAP_ANONYMOUS, usize::MAX, 0];
    // SAFETY: a fresh anonymous mapping aliases nothing.
    let address = unsafe { syscall(libc::SYS_mmap, arguments) };
    (address > 0).then_some(address as *mut c_void)
}

/// Advice on a mapping of the shim's own; false where the kernel does not know it.
pub(crate) fn advise(address: *mut c_void, bytes: usize, advice: c_int) -> bool {
    // SAFETY: the mapping is the shim's own.
    unsafe { syscall(libc::SYS_madvise, arguments![address, bytes, advice]) == 0 }
}

/// Whether eight bytes can be read at `address`, told without touching them. Memcheck does not look at what
/// another process's memory is said to be.
pub(crate) fn readable(address: u64) -> bool {
    let mut bytes = [0u8; 8];
    let Ok(address) = usize::try_from(address) else { return false };
    let result = read_memory(getpid(), address, &mut bytes);
    if no_way_to_read(result) { readable_by_mask(address) } else { result == 8 }
}

/// Whether every page can be read from `here` down to `bytes` below, which is no more than 32 KiB. With a guard page in
/// between, what lies beyond is another's.
pub(crate) fn all_readable_below(here: usize, bytes: usize) -> bool {
    const PAGE: usize = 4096;
    let mut byte = [0u8; 8];
    let local = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    let mut pages = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 1 }; 8];
    let count = bytes.div_ceil(PAGE).min(pages.len());
    for (step, page) in (1usize..).zip(pages.iter_mut().take(count)) {
        page.iov_base = here.saturating_sub(step.saturating_mul(PAGE).min(bytes)) as *mut c_void;
    }
    let arguments = arguments![getpid(), &raw const local, 1, pages.as_ptr(), count, 0];
    // SAFETY: `local` describes eight bytes; the remote side is checked by the kernel.
    let result = unsafe { syscall(libc::SYS_process_vm_readv, arguments) };
    if no_way_to_read(result) {
        return pages.iter().take(count).all(|page| readable_by_mask(page.iov_base as usize & !7));
    }
    usize::try_from(result) == Ok(count)
}

/// The kernel cannot read a process's memory for it, or will not.
fn no_way_to_read(result: i64) -> bool {
    let error = result.checked_neg().and_then(|error| c_int::try_from(error).ok());
    matches!(error, Some(libc::ENOSYS | libc::EPERM))
}

/// Whether eight bytes can be read, where the kernel has no way to read a process's memory.
///
/// It copies the signal set before it looks at the nonsensical `how`, so EFAULT means unreadable, EINVAL
/// readable; nothing is changed either way.
fn readable_by_mask(address: usize) -> bool {
    // A null pointer would mean that there is no set, which is no error.
    if address == 0 {
        return false;
    }
    let arguments = arguments![usize::MAX, address, 0, 8];
    // SAFETY: an invalid `how` changes nothing, and a bad pointer is an error of the kernel's.
    let result = unsafe { syscall(libc::SYS_rt_sigprocmask, arguments) };
    result.checked_neg() != Some(i64::from(libc::EFAULT))
}

/// Sets which signals wait on this thread, a bit for each from 1 on; which did before.
pub(crate) fn exchange_signal_mask(mask: u64) -> u64 {
    let mut before = 0u64;
    let arguments = arguments![libc::SIG_SETMASK, &raw const mask, &raw mut before, size_of::<u64>()];
    // SAFETY: both are valid for what the kernel does with eight bytes.
    unsafe { syscall(libc::SYS_rt_sigprocmask, arguments) };
    before
}

/// Copies from an address of this process that may have been unmapped; how many bytes arrived.
pub(crate) fn copy_if_mapped(pid: u32, address: usize, into: &mut [u8]) -> usize {
    usize::try_from(read_memory(pid, address, into)).unwrap_or(0)
}

/// Copies from an address of a process; how many bytes arrived, or the negative errno.
fn read_memory(pid: u32, address: usize, into: &mut [u8]) -> i64 {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: into.len() };
    let arguments = arguments![pid, &raw const local, 1, &raw const remote, 1, 0];
    // SAFETY: `local` describes `into`; the remote side is checked by the kernel.
    unsafe { syscall(libc::SYS_process_vm_readv, arguments) }
}

/// Free bytes below `here` on the alternate signal stack, when the thread runs on one.
pub(crate) fn room_on_signal_stack(here: usize) -> Option<usize> {
    // SAFETY: all-zero is a valid `stack_t`.
    let mut stack: libc::stack_t = unsafe { core::mem::zeroed() };
    // SAFETY: `stack` is valid for the kernel's write.
    unsafe { syscall(libc::SYS_sigaltstack, arguments![0, &raw mut stack]) };
    let on_it = stack.ss_flags & libc::SS_ONSTACK != 0;
    on_it.then(|| here.saturating_sub(stack.ss_sp as usize))
}

/// Bytes that the first thread's stack may grow to; `None` without a limit.
pub(crate) fn stack_limit() -> Option<usize> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for the kernel's write.
    unsafe { syscall(libc::SYS_prlimit64, arguments![0, libc::RLIMIT_STACK, 0, &raw mut limit]) };
    usize::try_from(limit.rlim_cur).ok().filter(|bytes| *bytes != usize::MAX)
}

/// Whether the calling thread runs under seccomp already.
pub(crate) fn under_seccomp() -> bool {
    // SAFETY: no pointers.
    let mode = unsafe { syscall(libc::SYS_prctl, arguments![libc::PR_GET_SECCOMP]) };
    mode > 0
}
