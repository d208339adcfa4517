//! `libalive_interposer.so`: somebody else's preload library, written the usual way.
//!
//! The tests load it before and behind `libpostfork.so`: both must see every call. The benchmark
//! takes it as the baseline of what an interposed call costs with redhook's `real!`.
//!
//! With `INTERPOSER_LOG=FILE` each hooked call appends `FUNCTION PATH` to that file; without it
//! a hook calls the real function and does nothing else. One call, through the files: [`hooks`]
//! (the exported functions) asks [`log`] to note the path, then makes the real call.
#![deny(unsafe_code)]

mod hooks;
mod log;
