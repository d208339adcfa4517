//! Is it code, and what came of it? The safe side of the hooks.
//!
//! [`classify`] knows code by its name, [`file`] tells of a file that was opened, [`linkmap`] of
//! objects that the dynamic linker mapped, [`dlopen`] decides how a dlopen is let through.

pub(crate) mod classify;
pub(crate) mod dlopen;
pub(crate) mod file;
pub(crate) mod linkmap;
