#![no_main]

#[path = "../fuzz_one.rs"]
mod fuzz_one;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_one::fuzz_one(bytes));
