//! aarch64: AAPCS64 calling convention, DWARF register numbers of the AArch64 ABI.

use core::arch::{asm, naked_asm};

/// DWARF columns of the unwinder: x0..x30 and the stack pointer.
pub(crate) const REGISTERS: usize = 32;
/// Column of the stack pointer.
pub(crate) const STACK_POINTER: usize = 31;
/// Column of the frame pointer, the only other base of a cached row.
pub(crate) const FRAME_POINTER: usize = 29;
/// Column that holds the return address: the link register.
pub(crate) const RETURN_ADDRESS: usize = 30;
/// Columns that a called function keeps, and the return address: what a cached row restores.
pub(crate) const KEPT: [usize; 12] = [19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30];

/// Takes what pointer authentication put into a return address out of it.
pub(crate) fn plain_address(address: u64) -> u64 {
    let mut plain = address;
    // SAFETY: `xpaclri` (in the hint space, so a no-op on older cores) touches x30 only.
    unsafe {
        asm!("mov {saved}, x30", "mov x30, {plain}", "hint #7", "mov {plain}, x30", "mov x30, {saved}",
            saved = out(reg) _, plain = inout(reg) plain, options(nomem, nostack));
    }
    plain
}

/// Stores the caller's kept registers, stack pointer and the address behind the call.
///
/// # Safety
/// `registers` is valid for [`REGISTERS`] writes.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn capture(registers: *mut u64) {
    naked_asm!(
        ".cfi_startproc",
        "stp x19, x20, [x0, #152]",
        "stp x21, x22, [x0, #168]",
        "stp x23, x24, [x0, #184]",
        "stp x25, x26, [x0, #200]",
        "stp x27, x28, [x0, #216]",
        "stp x29, x30, [x0, #232]",
        "mov x1, sp",
        "str x1, [x0, #248]",
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
    // SAFETY: the caller vouches for the arguments; the kernel keeps every other register.
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f, options(nostack));
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
                "hint #34", // landing pad for indirect branches (bti c)
                "stp x29, x30, [sp, #-80]!",
                ".cfi_def_cfa_offset 80", ".cfi_offset x29, -80", ".cfi_offset x30, -72",
                "mov x29, sp",
                "stp x0, x1, [sp, #16]",
                "stp x2, x3, [sp, #32]",
                "stp x4, x5, [sp, #48]",
                "stp x6, x7, [sp, #64]",
                "mov x3, x30",
                "bl {decide}",
                "mov x16, x0",
                "ldp x6, x7, [sp, #64]",
                "ldp x4, x5, [sp, #48]",
                "ldp x2, x3, [sp, #32]",
                "ldp x0, x1, [sp, #16]",
                "ldp x29, x30, [sp], #80",
                ".cfi_restore x29", ".cfi_restore x30", ".cfi_def_cfa_offset 0",
                "br x16",
                ".cfi_endproc",
                decide = sym $decide,
            )
        }
    };
}
pub(crate) use tail_stub;
