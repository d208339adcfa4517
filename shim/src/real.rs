//! The functions behind ours: what the program would have called without the shim.
//!
//! The constructor looks all of them up once. Constructors of other libraries run before ours and
//! may call a hook earlier; that call looks its own function up, without a lock that a fork could
//! leave held. After the constructor no hook calls `dlsym`.
//!
//! All are `extern "C"`, as the hooks are. When a thread is cancelled inside `open`, glibc unwinds
//! through these frames; they have unwind tables and nothing to clean up, so it passes. `C-unwind`
//! would put a call to abort there instead, because the workspace is built with `panic = "abort"`.

use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// The address of one function, found once.
pub(crate) struct Next {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Next {
    const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(core::ptr::null_mut()) }
    }

    /// The function's address; null when no later object has it.
    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if known.is_null() { self.find() } else { known }
    }

    #[cold]
    fn find(&self) -> *mut c_void {
        // SAFETY: `name` is a C string. Two threads that get here store the same address.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

/// Declares the functions behind the hooks with their types.
macro_rules! real {
    ($($name:ident = $symbol:literal: fn($($argument:ident: $type:ty),*) -> $result:ty, else $missing:expr;)*) => {
        $(
            /// The function of this name behind ours.
            ///
            /// # Safety
            /// As the function of the same name in libc.
            pub(crate) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                let address = NEXT.$name.address();
                if address.is_null() {
                    return $missing;
                }
                // SAFETY: the symbol of this name has this type in every libc.
                let function: unsafe extern "C" fn($($type),*) -> $result = unsafe { core::mem::transmute(address) };
                // SAFETY: the caller keeps the contract of the function of this name.
                unsafe { function($($argument),*) }
            }
        )*

        struct Table { $($name: Next),* }

        static NEXT: Table = Table { $($name: Next::new($symbol)),* };

        /// Looks every function up; only the constructor calls this.
        pub(crate) fn find_all() {
            $(NEXT.$name.find();)*
            for stub in STUBS {
                stub.find();
            }
        }
    };
}

// A missing function cannot happen in a libc that the program could link its own call against.
real! {
    open = c"open": fn(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int, else -1;
    open64 = c"open64": fn(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int, else -1;
    openat = c"openat": fn(folder: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int, else -1;
    openat64 = c"openat64": fn(folder: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int, else -1;
    creat = c"creat": fn(path: *const c_char, mode: libc::mode_t) -> c_int, else -1;
    open_2 = c"__open_2": fn(path: *const c_char, flags: c_int) -> c_int, else -1;
    open64_2 = c"__open64_2": fn(path: *const c_char, flags: c_int) -> c_int, else -1;
    openat_2 = c"__openat_2": fn(folder: c_int, path: *const c_char, flags: c_int) -> c_int, else -1;
    openat64_2 = c"__openat64_2": fn(folder: c_int, path: *const c_char, flags: c_int) -> c_int, else -1;
    fopen = c"fopen": fn(path: *const c_char, mode: *const c_char) -> *mut libc::FILE, else core::ptr::null_mut();
    fopen64 = c"fopen64": fn(path: *const c_char, mode: *const c_char) -> *mut libc::FILE, else core::ptr::null_mut();
    freopen = c"freopen": fn(path: *const c_char, mode: *const c_char, file: *mut libc::FILE) -> *mut libc::FILE, else core::ptr::null_mut();
    freopen64 = c"freopen64": fn(path: *const c_char, mode: *const c_char, file: *mut libc::FILE) -> *mut libc::FILE, else core::ptr::null_mut();
    stat = c"stat": fn(path: *const c_char, buffer: *mut c_void) -> c_int, else -1;
    stat64 = c"stat64": fn(path: *const c_char, buffer: *mut c_void) -> c_int, else -1;
    lstat = c"lstat": fn(path: *const c_char, buffer: *mut c_void) -> c_int, else -1;
    lstat64 = c"lstat64": fn(path: *const c_char, buffer: *mut c_void) -> c_int, else -1;
    fstatat = c"fstatat": fn(folder: c_int, path: *const c_char, buffer: *mut c_void, flags: c_int) -> c_int, else -1;
    fstatat64 = c"fstatat64": fn(folder: c_int, path: *const c_char, buffer: *mut c_void, flags: c_int) -> c_int, else -1;
    statx = c"statx": fn(folder: c_int, path: *const c_char, flags: c_int, mask: c_uint, buffer: *mut c_void) -> c_int, else -1;
    access = c"access": fn(path: *const c_char, mode: c_int) -> c_int, else -1;
    faccessat = c"faccessat": fn(folder: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int, else -1;
    dlclose = c"dlclose": fn(handle: *mut c_void) -> c_int, else -1;
}

/// `dlopen` behind ours, to jump to.
pub(crate) static DLOPEN: Next = Next::new(c"dlopen");
/// `dlmopen` behind ours, to jump to.
pub(crate) static DLMOPEN: Next = Next::new(c"dlmopen");
/// `prctl` behind ours, to jump to.
pub(crate) static PRCTL: Next = Next::new(c"prctl");
/// `syscall` behind ours, to jump to.
pub(crate) static SYSCALL: Next = Next::new(c"syscall");

static STUBS: [&Next; 4] = [&DLOPEN, &DLMOPEN, &PRCTL, &SYSCALL];

/// Calls the `dlopen` behind ours, as an ordinary call.
///
/// # Safety
/// As `dlopen`, and the caller's identity must not matter for this name.
pub(crate) unsafe extern "C" fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void {
    let address = DLOPEN.address();
    if address.is_null() {
        return core::ptr::null_mut();
    }
    // SAFETY: `dlopen` has this type.
    let function: unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void =
        unsafe { core::mem::transmute(address) };
    // SAFETY: the caller keeps dlopen's contract.
    unsafe { function(name, flags) }
}

/// A symbol that can be seen through a handle; through none, of the whole program. Null when there is none.
pub(crate) fn symbol_of(handle: *mut c_void, name: &CStr) -> *mut c_void {
    let handle = if handle.is_null() { libc::RTLD_DEFAULT } else { handle };
    // SAFETY: `name` is a C string and `handle` is one that dlopen gave.
    unsafe { libc::dlsym(handle, name.as_ptr()) }
}

/// A symbol of the program or its libraries, looked up by the constructor; null when there is none.
pub(crate) fn symbol(name: &CStr) -> *mut c_void {
    symbol_of(core::ptr::null_mut(), name)
}

/// `prctl`'s option that installs a seccomp filter, as the register holds it.
pub(crate) const PR_SET_SECCOMP: usize = libc::PR_SET_SECCOMP as usize;
/// Numbers of the system calls that make a process (aarch64 has these two only).
pub(crate) const FORK_CALLS: [c_long; 2] = [libc::SYS_clone, libc::SYS_clone3];
/// Numbers of the system calls that install one.
pub(crate) const SECCOMP_CALLS: [c_long; 2] = [libc::SYS_seccomp, libc::SYS_prctl];
