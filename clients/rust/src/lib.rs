//! Tells a collector that code is alive.
//!
//! ```
//! use alive_tap::{tap, tap_each};
//!
//! # let order = 17;
//! tap!("checkout.legacy");
//! tap!("checkout.legacy", "order" => order);
//! tap_each!("checkout.legacy");
//! ```
//!
//! [`tap!`] sends one datagram, the first time in each process and at each place; [`tap_each!`] sends one
//! every time. Neither waits, panics or writes anything. Switched off, a tap is one relaxed load.
//!
//! `ALIVE_ADDR` is the collector's address (127.0.0.1:25483), `ALIVE_NAME` the name of the service,
//! `ALIVE_OFF=1` turns it off; all are read at the first tap.
//!
//! The caller is told where the function with the tap is `#[track_caller]`; otherwise only a stack walk
//! would know it, which costs more than a tap may.
#![forbid(unsafe_code)]

mod send;
mod settings;

use core::fmt::Display;
use core::panic::Location;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Not looked yet, on, off.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

/// Whether taps are on; part of [`tap!`].
#[doc(hidden)]
#[inline]
#[must_use]
pub fn is_on() -> bool {
    match STATE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => look(),
    }
}

#[cold]
fn look() -> bool {
    let on = settings::get().is_some();
    STATE.store(if on { ON } else { OFF }, Ordering::Relaxed);
    on
}

/// A place with a tap; part of [`tap!`].
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Site {
    told_in: AtomicU32,
}

impl Site {
    /// A place that nobody came by yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { told_in: AtomicU32::new(0) }
    }

    /// Whether this process comes by for the first time. A forked child has another number than its parent.
    #[inline]
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new_in(std::process::id())
    }

    /// Lets the next one who comes by be the first one again: this one could not tell.
    #[cold]
    pub fn forget(&self) {
        self.told_in.store(0, Ordering::Relaxed);
    }

    #[inline]
    fn is_new_in(&self, pid: u32) -> bool {
        self.told_in.load(Ordering::Relaxed) != pid && self.told_in.swap(pid, Ordering::Relaxed) != pid
    }
}

/// Where a tap stands; part of [`tap!`].
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// File of the tap.
    pub file: &'static str,
    /// Line of the tap.
    pub line: u32,
    /// The function with the tap, as the compiler names an item in it.
    pub function: &'static str,
    /// Who called it, where that is known; else the tap.
    pub caller: &'static Location<'static>,
}

/// Sends a hit; part of [`tap!`]. False where there is no descriptor for a socket.
#[doc(hidden)]
#[cold]
#[must_use]
pub fn hit(name: &str, place: Place, context: &[(&str, &dyn Display)]) -> bool {
    settings::get().is_none_or(|settings| send::send(settings, name.as_bytes(), &place, context))
}

/// Says once for each process and place that the code around it is alive.
///
/// `tap!("name")`, or `tap!("name", "key" => value, ...)` with values that are [`Display`].
#[macro_export]
macro_rules! tap {
    ($name:expr $(, $key:expr => $value:expr)* $(,)?) => {{
        static SITE: $crate::Site = $crate::Site::new();
        if $crate::is_on() && SITE.is_new() && !$crate::__hit!($name $(, $key => $value)*) {
            SITE.forget();
        }
    }};
}

/// Says so every time; otherwise as [`tap!`].
#[macro_export]
macro_rules! tap_each {
    ($name:expr $(, $key:expr => $value:expr)* $(,)?) => {{
        if $crate::is_on() {
            let _ = $crate::__hit!($name $(, $key => $value)*);
        }
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hit {
    ($name:expr $(, $key:expr => $value:expr)*) => {{
        fn here() {}
        fn name_of<T>(_: T) -> &'static str {
            ::core::any::type_name::<T>()
        }
        let place = $crate::Place {
            file: ::core::file!(),
            line: ::core::line!(),
            function: name_of(here),
            caller: ::core::panic::Location::caller(),
        };
        $crate::hit(::core::convert::AsRef::<str>::as_ref(&$name), place, &[$(($key, &$value)),*])
    }};
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn a_place_is_new_once_in_each_process() {
        let site = Site::new();
        assert!(site.is_new_in(7));
        assert!(!site.is_new_in(7));
        assert!(site.is_new_in(8), "a forked child");
        assert!(!site.is_new_in(8));
        site.forget();
        assert!(site.is_new_in(8), "nothing was told");
    }
}
