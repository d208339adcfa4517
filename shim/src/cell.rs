//! Statics that are written when nobody else can look: in the constructor, or in a fork's child
//! handler, where the process has one thread.

use crate::{arch, sys};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

/// A static with one writer at a time that is known to be alone.
pub(crate) struct Alone<T>(UnsafeCell<T>);

// SAFETY: `change` is unsafe and obliges its caller to be the only one that looks.
unsafe impl<T: Sync> Sync for Alone<T> {}

impl<T> Alone<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value as it is now.
    pub(crate) const fn get(&self) -> &T {
        // SAFETY: by the contract of `change` no writer is active while anyone looks.
        unsafe { &*self.0.get() }
    }

    /// Changes the value.
    ///
    /// # Safety
    /// No other thread looks at the value meanwhile, and no reference from [`Self::get`] is alive.
    pub(crate) unsafe fn change(&self, change: impl FnOnce(&mut T)) {
        // SAFETY: the caller vouches for being alone.
        change(unsafe { &mut *self.0.get() });
    }
}

/// A value that one thread at a time may look at. Nobody waits for it: who finds it taken, after a
/// few looks, goes without. So a signal handler that interrupted its holder does not hang, and
/// neither does a forked child whose parent's other thread held it, if it lies in the wiped page.
///
/// Where signals do not wait ([`crate::undisturbed`]), a handler may jump out of the hook that holds it, and
/// the frame that would give it back is gone.
/// The same thread can tell: it stands no deeper on the stack than the holder did. It finds the value as
/// it was left then; so half a change must be as good a value as any.
#[repr(C)]
pub(crate) struct Guarded<T> {
    /// The thread that has it; 0 when nobody does.
    holder: AtomicU64,
    /// Where on its stack the holder stands; 0 while that is not said.
    stands_at: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: `holder` lets one thread at a time through to the value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Looks at a flag that another thread holds for some hundred nanoseconds at most.
    const LOOKS: usize = 200;

    pub(crate) const fn new(value: T) -> Self {
        Self { holder: AtomicU64::new(0), stands_at: AtomicU64::new(0), value: UnsafeCell::new(value) }
    }

    /// Lets `work` at the value; `None` when somebody else keeps it.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.take()?;
        // SAFETY: it was free, or its holder's frame is gone, and it is ours now.
        let result = work(unsafe { &mut *self.value.get() });
        self.stands_at.store(0, Ordering::Relaxed);
        self.holder.store(0, Ordering::Release);
        Some(result)
    }

    #[inline(never)]
    fn take(&self) -> Option<()> {
        let here = 0u8;
        let here = &raw const here as usize;
        let thread = arch::thread();
        let mut looks = Self::LOOKS;
        while let Err(holder) =
            self.holder.compare_exchange_weak(0, thread, Ordering::Acquire, Ordering::Relaxed)
        {
            if holder == thread {
                let stood_at = self.stands_at.load(Ordering::Relaxed);
                // On a signal stack nothing can be said of the stack that was interrupted.
                let gone =
                    stood_at != 0 && here as u64 >= stood_at && sys::room_on_signal_stack(here).is_none();
                if !gone {
                    return None;
                }
                break;
            }
            looks = looks.checked_sub(1)?;
            core::hint::spin_loop();
        }
        self.stands_at.store(here as u64, Ordering::Relaxed);
        Some(())
    }

    /// Makes it free: for a child whose page no kernel wiped.
    pub(crate) fn release(&self) {
        self.stands_at.store(0, Ordering::Relaxed);
        self.holder.store(0, Ordering::Relaxed);
    }
}

/// Bytes of a bounded length, kept in place.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Bytes<N> {
    pub(crate) const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    /// A copy of `source`, cut at the capacity.
    pub(crate) fn of(source: &[u8]) -> Self {
        let mut new = Self::EMPTY;
        new.push(source);
        new
    }

    /// Appends, cutting at the capacity; true when everything fitted.
    pub(crate) fn push(&mut self, source: &[u8]) -> bool {
        let taken = copy(self.bytes.get_mut(self.len..).unwrap_or_default(), source);
        self.len = self.len.saturating_add(taken);
        taken == source.len()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Copies as much as fits and says how much that was. Written so that the compiler sees that the
/// lengths agree: no path to a panic is left.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// A number's digits.
pub(crate) fn decimal(number: u32) -> Bytes<10> {
    let mut digits = [0u8; 10];
    let mut rest = number;
    let mut first = digits.len();
    loop {
        first = first.saturating_sub(1);
        if let (Some(slot), Ok(digit)) = (digits.get_mut(first), u8::try_from(rest % 10)) {
            *slot = digit.saturating_add(b'0');
        }
        rest /= 10;
        if rest == 0 || first == 0 {
            break;
        }
    }
    Bytes::of(digits.get(first..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_from_deeper_goes_without() {
        let guarded = Guarded::new(1);
        let deeper = guarded.with(|value| {
            *value += 1;
            guarded.with(|value| *value += 10)
        });
        assert_eq!(deeper, Some(None));
        assert_eq!(guarded.with(|value| *value), Some(2));
    }

    #[test]
    fn what_a_frame_that_is_gone_held_is_free() {
        let guarded = Guarded::new(1);
        #[inline(never)]
        fn hold(guarded: &Guarded<i32>, deeper: u32) {
            if deeper > 0 {
                hold(guarded, std::hint::black_box(deeper - 1));
                std::hint::black_box(());
            } else {
                // As after a jump out of the hook: nobody gives it back.
                guarded.take().unwrap();
            }
        }
        hold(&guarded, 5);
        assert_eq!(guarded.with(|value| *value), Some(1));
    }
}
