//! Statics that are written when nobody else can look: in the constructor, or in a fork's child
//! handler, where the process has one thread.

use core::cell::UnsafeCell;

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
