//! The program must not notice the shim, whether somebody listens or not.
//!
//! Each hazard has a program that runs into it, and a room: what a process sees of itself ([`state`]),
//! memory that it lends ([`memory`]), signals and stacks ([`signals`]), threads ([`threads`]), the
//! dynamic linker ([`loader`]), places without rights ([`confinement`]), tools that stand where the shim
//! does ([`tools`]). [`every_program`] takes the programs of all other tests through the same, and
//! [`library`] looks at the shim itself.

mod confinement;
mod every_program;
mod library;
mod loader;
mod memory;
mod signals;
mod state;
mod threads;
mod tools;
