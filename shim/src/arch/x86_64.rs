//! x86-64: System V calling convention, DWARF register numbers of the psABI.

use core::arch::{asm, naked_asm};

/// DWARF columns of the unwinder: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 and the return address.
pub(crate) const REGISTERS: usize = 17;
/// Column of the stack pointer.
pub(crate) const STACK_POINTER: usize = 7;
/// Column of the frame pointer, the only other base of a cached row.
pub(crate) const FRAME_POINTER: usize = 6;
/// Column that holds the return address.
pub(crate) const RETURN_ADDRESS: usize = 16;
/// Columns that a called function keeps, and the return address: what a cached row restores.
pub(crate) const KEPT: [usize; 7] = [3, 6, 12, 13, 14, 15, 16];

/// Takes what pointer authentication put into a return address out of it; nothing here.
pub(crate) const fn plain_address(address: u64) -> u64 {
    address
}

/// Stores the caller's kept registers, stack pointer and the address behind the call.
///
/// # Safety
/// `registers` is valid for [`REGISTERS`] writes.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn capture(registers: *mut u64) {
    naked_asm!(
        ".cfi_startproc",
        "mov [rdi + 3*8], rbx",
        "mov [rdi + 6*8], rbp",
        "mov [rdi + 12*8], r12",
        "mov [rdi + 13*8], r13",
        "mov [rdi + 14*8], r14",
        "mov [rdi + 15*8], r15",
        "lea rax, [rsp + 8]",
        "mov [rdi + 7*8], rax",
        "mov rax, [rsp]",
        "mov [rdi + 16*8], rax",
        "ret",
        ".cfi_endproc",
    )
}

/// A system call, straight to the kernel: no errno, no cancellation point, no interposer.
///
/// # Safety
/// As the system call: pointers among the arguments are valid for what the kernel does with them.
pub(crate) unsafe fn syscall(number: i64, arguments: [usize; 6]) -> i64 {
    let [a, b, c, d, e, f] = arguments;
    let result: i64;
    // SAFETY: the caller vouches for the arguments; the kernel clobbers rcx and r11 only.
    unsafe {
        asm!("syscall", inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// Defines an exported function that asks `$decide(argument 0, 1, 2, return address)` for a
/// function pointer and tail-jumps there with all argument registers as they came.
macro_rules! tail_stub {
    ($(#[$doc:meta])* $name:ident, $decide:path) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the function of the same name in libc.
        #[unsafe(naked)]
        #[cfg_attr(not(test), unsafe(no_mangle))]
        pub unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "endbr64",
                // Six arguments, and rax for the count of vector registers of a variadic call.
                // Seven pushes on top of the return address leave the stack aligned for the call.
                "push rdi", ".cfi_adjust_cfa_offset 8",
                "push rsi", ".cfi_adjust_cfa_offset 8",
                "push rdx", ".cfi_adjust_cfa_offset 8",
                "push rcx", ".cfi_adjust_cfa_offset 8",
                "push r8", ".cfi_adjust_cfa_offset 8",
                "push r9", ".cfi_adjust_cfa_offset 8",
                "push rax", ".cfi_adjust_cfa_offset 8",
                "mov rcx, [rsp + 56]",
                "call {decide}",
                "mov r11, rax",
                "pop rax", ".cfi_adjust_cfa_offset -8",
                "pop r9", ".cfi_adjust_cfa_offset -8",
                "pop r8", ".cfi_adjust_cfa_offset -8",
                "pop rcx", ".cfi_adjust_cfa_offset -8",
                "pop rdx", ".cfi_adjust_cfa_offset -8",
                "pop rsi", ".cfi_adjust_cfa_offset -8",
                "pop rdi", ".cfi_adjust_cfa_offset -8",
                "jmp r11",
                ".cfi_endproc",
                decide = sym $decide,
            )
        }
    };
}
pub(crate) use tail_stub;
