#![no_main]

#[path = "../hear_all.rs"]
mod hear_all;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hear_all::hear_all(bytes));
