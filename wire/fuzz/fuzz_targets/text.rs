#![no_main]

#[path = "../fuzz_one.rs"]
mod fuzz_one;

// Any bytes as the columns of a tap, and any as lines beside one.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz_one::fuzz_one(&[b"alive1\tping\t", bytes].concat());
    fuzz_one::fuzz_one(&[bytes, b"\nalive1\tping\tname=a\n"].concat());
});
