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
//! every time. Neither waits, panics or writes anything. Switched off, a tap is one relaxed load and a branch.
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
use core::sync::atomic::{AtomicU32, Ordering};

/// A place with a tap: in which process it was told, or that taps are off. It stands in the function with the tap,
/// so that where taps are off one load decides; part of [`tap!`].
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Site {
    told_in: AtomicU32,
}

/// In place of a process; none has this number.
const OFF: u32 = u32::MAX;

impl Site {
    /// A place that nobody came by yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { told_in: AtomicU32::new(0) }
    }

    /// Whether taps are known to be off.
    #[inline(always)]
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.told_in.load(Ordering::Relaxed) == OFF
    }

    /// Tells, if this process comes by for the first time. A forked child has another number than its parent.
    #[inline(never)]
    pub fn once(&self, tell: &dyn Fn() -> bool) {
        if self.is_new_in(std::process::id()) && self.is_on() && !tell() {
            // There was no descriptor: the next one who comes by is the first one again.
            self.told_in.store(0, Ordering::Relaxed);
        }
    }

    /// Tells.
    #[inline(never)]
    pub fn each(&self, tell: &dyn Fn() -> bool) {
        if self.is_on() {
            let _ = tell();
        }
    }

    fn is_new_in(&self, pid: u32) -> bool {
        self.told_in.load(Ordering::Relaxed) != pid && self.told_in.swap(pid, Ordering::Relaxed) != pid
    }

    fn is_on(&self) -> bool {
        let on = settings::get().is_some();
        if !on {
            self.told_in.store(OFF, Ordering::Relaxed);
        }
        on
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
    ($name:expr $(, $key:expr => $value:expr)* $(,)?) => {
        $crate::__tap!(once, $name $(, $key => $value)*)
    };
}

/// Says so every time; otherwise as [`tap!`].
#[macro_export]
macro_rules! tap_each {
    ($name:expr $(, $key:expr => $value:expr)* $(,)?) => {
        $crate::__tap!(each, $name $(, $key => $value)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tap {
    ($how:ident, $name:expr $(, $key:expr => $value:expr)*) => {{
        static SITE: $crate::Site = $crate::Site::new();
        if !SITE.is_off() {
            fn here() {}
            fn name_of<T>(_: T) -> &'static str {
                ::core::any::type_name::<T>()
            }
            // Asked here, for within the closure below the closure would be the caller's place.
            let caller = ::core::panic::Location::caller();
            SITE.$how(&|| {
                let place = $crate::Place {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    function: name_of(here),
                    caller,
                };
                $crate::hit(::core::convert::AsRef::<str>::as_ref(&$name), place, &[$(($key, &$value)),*])
            });
        }
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
    }

    #[test]
    fn a_place_that_could_not_tell_is_new_again() {
        let site = Site::new();
        site.once(&|| false);
        site.once(&|| true);
        site.once(&|| panic!("it was told"));
    }
}
