//! x
#![forbid(unsafe_code)]
pub mod aggregate;
mod heard;
pub mod moment;
pub mod sequence;
