//! Is it code, and what came of it? The safe side of the hooks.
//!
//! [`classify`] knows code by its name, [`file`] tells of a file that was opened, [`linkmap`] of
//! objects that the dynamic linker mapped ([`entries`] is its list,
//! [`known`] our books), [`dlopen`] decides how a dlopen is let through.

pub(crate) mod classify;
pub(crate) mod dlopen;
mod entries;
pub(crate) mod file;
mod known;
pub(crate) mod linkmap;
