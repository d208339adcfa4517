//! Where alive keeps what it learnt: the only SQL of the project.
//!
//! [`model`] holds what goes in and what comes out.
#![forbid(unsafe_code)]

pub mod model;
