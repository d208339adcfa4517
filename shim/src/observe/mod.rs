//! Is it code, and what came of it? The safe side of the hooks.
//!
//! [`classify`] knows code by its name, [`mod@file`] tells of a file that was opened, [`linkmap`] of
//! objects that the dynamic linker mapped ([`entries`] is its list, [`known`] our books),
//! [`dlopen`] decides how a dlopen is let through. [`probe`] sees a call that looks for a file, and
//! [`search`] folds the probes for a name into one word on whether it was missing ([`name`] is the part
//! of a path that it goes by). [`python`] listens to an interpreter whose searches make no call. [`tap`] is
//! what code tells of itself.

pub(crate) mod classify;
pub(crate) mod dlopen;
mod entries;
pub(crate) mod file;
mod known;
pub(crate) mod linkmap;
pub(crate) mod name;
pub(crate) mod probe;
pub(crate) mod python;
pub(crate) mod search;
pub(crate) mod tap;
